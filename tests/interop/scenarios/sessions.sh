# Sessions: the initiator follows redirections, and comes back when an administrator drops it.
# serve: --config two_portals.toml
# the scenario starts the gateway
# timeout: 240
# shellcheck shell=bash

PORTAL=10.99.0.1:3260
OTHER=10.99.0.1:3261

write_configuration() {
    host sh "cat >two_portals.toml <<'END'
name = \"lab\"
[iscsi]
listen = [\"$PORTAL\", \"$OTHER\"]
[[iscsi.redirect]]
targets = [\"*-tapedrive-01\"]
address = \"$OTHER\"
[[iscsi.redirect]]
targets = [\"*-tapedrive-02\"]
address = \"$OTHER\"
permanence = \"permanent\"
END"
}

# portal_of TARGET: where its session is now.
portal_of() {
    iscsiadm -m session -P 1 | awk -v target="$1" '
        /^Target:/ { mine = $2 ~ target"$" }
        mine && /Current Portal:/ { sub(",.*", "", $3); print $3 }'
}

check "the configuration is written" write_configuration || give_up
check "the gateway starts" host start || give_up

note "redirection"
connect
same "a temporary redirection is followed" $OTHER "$(portal_of tapedrive-01)"
same "a permanent one too" $OTHER "$(portal_of tapedrive-02)"
same "who is not redirected stays" $PORTAL "$(portal_of tapedrive-03)"
shows "the gateway sees it there" "\"portal\": \"$OTHER\"" \
    host capstan session list --json --target '*-tapedrive-01'

note "a session is dropped in the middle of writing"
nst=$(drive 1)
sample data 4
check "load" mtx -f "$CHANGER" load 1 0 || give_up
check "an archive" tar -cf "$nst" data
mkfifo feed
dd if=feed of="$nst" bs=64k iflag=fullblock 2>dd.log &
writer=$!
exec 3>feed
head -c 2M data/random >&3
shows "the list shows what was written" "lab-tapedrive-01 .* MiB" host capstan session list
shows "it is dropped" "^session [0-9]+ dropped: iqn.* lab-tapedrive-01" \
    host capstan session drop --target '*-tapedrive-01'
{ head -c 2M data/random >&3; } 2>/dev/null
exec 3>&-
wait $writer
same "the writer learns that it failed" 1 $?
shows "  as an error of the device" "error writing" cat dd.log
back() {
    [ "$(iscsiadm -m session -P 1 | grep -c 'iSCSI Connection State: LOGGED IN')" = 5 ]
}
check "the initiator comes back by itself" until_true 60 back || give_up
check "the tape can be used" until_true 20 mt -f "$nst" rewind
check "what was on it compares" tar -df "$nst" data
same "the other drives were left alone" $PORTAL "$(portal_of tapedrive-03)"

note "a locked drive is freed"
check "removal is prevented" sg_prevent --prevent=1 "$(sg "$nst")"
refuses "the tape cannot be taken" "prevent" host capstan drive unload 0
shows "the list says who" "drive:0 locked" host capstan session list
shows "the drop says so too" "it held drive:0 locked" host capstan session drop --target '*-tapedrive-01'
check "the tape can be taken" host capstan drive unload 0
check "the initiator comes back" until_true 60 back

note "a polite drop"
shows "all are asked to log out" "lab-mediachanger" host capstan session drop --ask --target '*'
check "the initiator comes back" until_true 60 back
check "the library works" until_true 20 mtx -f "$CHANGER" status
check "logout" log_out
