# Bacula's own mtx-changer script drives the robot, as its storage daemon would.
# timeout: 120
# shellcheck shell=bash

connect
mkdir -p /var/lib/bacula
nst=$(drive 1)
# request COMMAND SLOT DRIVE, as in "%c %o %S %a %d" of bacula-sd.conf
request() {
    /etc/bacula/scripts/mtx-changer "$CHANGER" "$1" "${2:-0}" "$nst" "${3:-0}"
}

same "slots: all 28" 28 "$(request slots)"
same "list: twenty volumes" 20 "$(request list | grep -cE '^[0-9]+:CAP0[0-9]{2}L5$')"
same "loaded: nothing" 0 "$(request loaded)"
check "load slot 7" request load 7
same "loaded: slot 7" 7 "$(request loaded)"
shows "list: a loaded volume keeps its slot" "^7:CAP007L5$" request list
shows "listall: the drive" "^D:0:F:7:CAP007L5 *$" request listall
shows "listall: an empty drive" "^D:3:E$" request listall
shows "listall: an empty slot" "^S:24:E$" request listall
shows "listall: an import/export slot" "^I:28:E$" request listall
check "the drive is ready: a label" tar -cf "$nst" /etc/hostname
refuses "load into the full drive" "Full" request load 8
check "unload into its slot" request unload 7
same "loaded: nothing again" 0 "$(request loaded)"
check "transfer slot 7 to 24" /etc/bacula/scripts/mtx-changer "$CHANGER" transfer 7 24
shows "list: it is there" "^24:CAP007L5$" request list
check "load from there" request load 24
same "the label reads" "etc/hostname" "$(tar -tf "$nst")"
check "unload" request unload 24
check "logout" log_out
