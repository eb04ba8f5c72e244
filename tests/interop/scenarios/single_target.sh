# All devices behind one target: the changer is LUN 0, the drives follow.
# serve: --config single.toml
# the scenario starts the gateway
# timeout: 120
# shellcheck shell=bash

PORTAL=10.99.0.1:3260
check "the configuration is written" host sh 'cat >single.toml <<END
name = "lab"
[iscsi]
listen = ["10.99.0.1:3260"]
targets = "single"
END' || give_up
check "the gateway starts" host start || give_up
check "discovery answers" discover || give_up
same "there is one target" 1 "$(discover | wc -l)"
check "login" log_in || give_up
same "there is one session" 1 "$(iscsiadm -m session | wc -l)"
path="/dev/tape/by-path/ip-$PORTAL-iscsi-$(discover | awk '{print $2}')-lun"
shows "LUN 0 is the changer" "28 Slots" mtx -f "$path-0-changer" status
shows "the session has five logical units" "Lun list length = 40" sg_luns "$path-0-changer"
for lun in 1 2 3 4; do
    check "LUN $lun is a drive" test -e "$path-$lun-nst"
done
sample data 4
for lun in 1 4; do
    check "load drive $((lun - 1))" mtx -f "$path-0-changer" load $lun $((lun - 1))
    check "LUN $lun writes" tar -cf "$path-$lun" data
done
for lun in 1 4; do
    check "LUN $lun reads" tar -df "$path-$lun" data
done
refuses "LUN 2 has no cartridge" "No medium found" dd if="$path-2-nst" iflag=nonblock count=1
check "logout" log_out
