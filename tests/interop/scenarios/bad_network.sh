# The network fails and the gateway is slow: digests, a pulled cable, a pause, resets.
# serve: --listen 10.99.0.1:3260
# timeout: 240
# shellcheck shell=bash

PORTAL=10.99.0.1:3260
check "discovery" discover || give_up
for name in $(targets .); do
    for digest in HeaderDigest DataDigest; do
        iscsiadm -m node -T "$name" -p "$PORTAL" -o update -n "node.conn[0].iscsi.$digest" -v CRC32C
    done
done
check "login with digests" log_in || give_up
session() { iscsiadm -m session -P 2; }
shows "header digests are in use" "HeaderDigest: CRC32C" session
shows "data digests are in use" "DataDigest: CRC32C" session
changer=$(changer)
nst=$(drive 1)
sample data 8
sample more 8
check "load" mtx -f "$changer" load 1 0 || give_up
check "an archive with digests" tar -cf "$nst" data
check "rewind" mt -f "$nst" rewind
check "it compares" tar -df "$nst" data
check "to its end" mt -f "$nst" fsf 1

note "the gateway stands still for a while"
host pause
(sleep 3; host resume) &
check "a command waits and succeeds" mt -f "$nst" weof 1
wait
same "  once" 2 "$(file_number "$nst")"

note "the cable is pulled and put back"
host link down
(sleep 12; host link up) &
mt -f "$nst" status >/dev/null 2>&1
wait
logged_in() {
    [ "$(iscsiadm -m session -P 1 | grep -c 'iSCSI Connection State: LOGGED IN')" = 5 ]
}
check "the initiator comes back to all targets" until_true 60 logged_in || give_up
shows "the library is as it was" "^Data Transfer Element 0:Full .*CAP001L5" mtx -f "$changer" status
check "the tape can be used" until_true 20 mt -f "$nst" rewind
check "the archive compares" tar -df "$nst" data
check "to the end" mt -f "$nst" asf 2
check "another archive" tar -cf "$nst" more

note "resets"
check "reset of the logical unit" sg_reset -d "$(sg "$nst")"
check "the tape can be used" until_true 20 mt -f "$nst" rewind
check "the first archive compares" tar -df "$nst" data
check "reset of the target" sg_reset -t "$(sg "$nst")"
check "the tape can be used" until_true 20 mt -f "$nst" rewind
check "to the second archive" mt -f "$nst" asf 2
check "it compares" tar -df "$nst" more

note "a second session of the same machine, and the first goes on"
check "another session to the drive" iscsiadm -m session -r "$(iscsiadm -m session |
    sed -n 's/.*\[\([0-9]*\)\].*tapedrive-01.*/\1/p')" -o new
udevadm settle
same "two sessions" 2 "$(iscsiadm -m session | grep -c tapedrive-01)"
check "the first still works" until_true 20 mt -f "$nst" status
check "logout" log_out
