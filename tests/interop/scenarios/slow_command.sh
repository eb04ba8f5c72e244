# A command takes two minutes, and nobody tunes the initiator: no session is lost, none waits for it.
# timeout: 260
# shellcheck shell=bash

SLOW_SECONDS=120
NOP_BYTES=48
PINGS_MIN=15 # of the 24 that 120 s have room for

check "discovery answers" discover || give_up
# What Debian's iscsid.conf says; the harness's own settings are stricter.
for setting in noop_out_interval noop_out_timeout; do
    check "$setting is the default, 5 s" \
        iscsiadm -m node -o update -n "node.conn[0].timeo.$setting" -v 5
done
check "login to every target" log_in || give_up
changer=$(changer)
nst=$(drive 2)
sessions() { iscsiadm -m session | sort; }
connection() {
    iscsiadm -m session | sed -n 's/.*\[\([0-9]*\)\].*mediachanger .*/\/sys\/class\/iscsi_connection\/connection\1:0/p'
}
# What the kernel has sent to the changer: during one long command, NOPs and nothing else.
sent_bytes() {
    ss -tinH "sport = :$(cat "$(connection)/local_port")" | sed -n 's/.*bytes_sent:\([0-9]*\).*/\1/p'
}
same "a NOP after 5 s, 5 s for its answer" "5 5" "$(echo $(cat "$(connection)"/{recv,ping}_tmo))"
before=$(sessions)

sample data 4
check "load a drive" mtx -f "$changer" load 2 1 || give_up
# Whoever loads a cartridge reads its label: from a FIFO that reading takes as long as we like.
check "the next load will hang" host sh '
    for label in "$CAPSTAN_DATA"/cartridges/*/label; do
        grep -q CAP001L5 "$label" && echo "$label" >which && mv "$label" kept && mkfifo "$label"
    done
    test -s kept'
dmesg -C

note "MOVE MEDIUM, $SLOW_SECONDS s long"
SECONDS=0
mtx -f "$changer" load 1 0 >load.log 2>&1 &
load=$!
sleep 2
sent_before=$(sent_bytes)
check "the other drive writes meanwhile" tar -cf "$nst" data
check "  rewinds" mt -f "$nst" rewind
check "  and reads what it wrote" tar -df "$nst" data
check "capstan status answers" host capstan status
while [ $SECONDS -lt $SLOW_SECONDS ] && kill -0 $load 2>/dev/null; do sleep 1; done
check "after $SLOW_SECONDS s the command still runs" kill -0 $load || give_up
pings=$((($(sent_bytes) - sent_before) / NOP_BYTES))
check "$pings NOPs went to the changer meanwhile" test $pings -ge $PINGS_MIN
check "let it end" host sh '
    label=$(cat which); cp kept new && mv "$label" hanging && mv new "$label" &&
        timeout 10 sh -c "cat kept >hanging"'
wait $load
same "it ended well" 0 $?
shows "the cartridge is in the drive" "^Data Transfer Element 0:Full .*CAP001L5" mtx -f "$changer" status
lacks "no session was lost" "conn error|ping timeout|recovery timed out|rejecting I/O" dmesg
same "they are the sessions that they were" "$before" "$(sessions)"
check "logout" log_out
