# Two initiators share a drive: sg_persist's reservations of every kind, with st and tar of the one shut out.
# shellcheck shell=bash

FIRST=iqn.2026-11.example:client
SECOND=iqn.2026-11.example:other

# An interface with a name of its own makes a second initiator of one machine.
add_initiator() {
    iscsiadm --mode iface --interface other --op new &&
        iscsiadm --mode iface --interface other --op update --name iface.initiatorname --value "$SECOND"
}

# node INITIATOR TARGET-PATTERN CLASS [NAME]: the device that it sees at the target; CLASS is
# scsi_generic or scsi_tape. Links by path tell only one of the two.
node() {
    local session
    for session in /sys/class/iscsi_session/session*; do
        [ "$(cat "$session/initiatorname")" = "$1" ] || continue
        grep -qE -- "$2" "$session/targetname" || continue
        echo "/dev/$(ls "$session"/device/target*/*:0:0:0/"$3" | grep -x "${4:-.*}")"
    done
}

# keys DEVICE: how many are registered.
keys() {
    sg_persist --in --read-keys "$1" | grep -c '^ *0x'
}

connect
check "a second initiator" add_initiator || give_up
check "it finds the targets" iscsiadm --mode discovery --type sendtargets --portal "$PORTAL" --interface other
for name in $(targets 'tapedrive-01|mediachanger'); do
    check "it logs in to ${name##*:}" \
        iscsiadm --mode node --targetname "$name" --portal "$PORTAL,1" --interface other --login || give_up
done
udevadm settle
a=$(node $FIRST tapedrive-01 scsi_generic)
b=$(node $SECOND tapedrive-01 scsi_generic)
CHANGER=$(node $FIRST mediachanger scsi_generic)
check "both see the drive" test -c "$a" -a -c "$b" -a "$a" != "$b" || give_up
nst=$(node $FIRST tapedrive-01 scsi_tape 'nst[0-9]*')
check "load" mtx -f "$CHANGER" load 1 0 || give_up
for device in "$a" "$b"; do
    until_true 10 sg_turs "$device"
done

note "reserved by one: the other is shut out, and told"
check "the first registers" sg_persist --out --register --param-sark=0xa "$a"
shows "the drive is not reserved yet" 'there is NO reservation held' sg_persist --in --read-reservation "$b"
check "the first reserves for itself" sg_persist --out --reserve --param-rk=0xa --prout-type=3 "$a"
shows "the second reads who has it" 'Key=0xa' sg_persist --in --read-reservation "$b"
refuses "the second cannot read" 'Reservation Conflict' sg_raw --request=512 "$b" 08 00 00 02 00 00
refuses "nor take it without a key" 'Reservation conflict|reservation conflict' \
    sg_persist --out --reserve --param-rk=0xb --prout-type=3 "$b"
sample tree 2
check "the first writes on" tar -cf "$nst" tree

note "registrants only: whoever registers may"
check "the second registers" sg_persist --out --register --param-sark=0xb "$b"
same "two keys" 2 "$(keys "$a")"
check "the first gives it back" sg_persist --out --release --param-rk=0xa --prout-type=3 "$a"
check "and takes it for all who are registered" sg_persist --out --reserve --param-rk=0xa --prout-type=6 "$a"
check "the second may use it" sg_turs "$b"
shows "full status names both ports" "$SECOND" sg_persist --in --read-full-status "$a"

note "taken over by the other"
check "the second preempts the first" sg_persist --out --preempt-abort --param-rk=0xb --param-sark=0xa --prout-type=3 "$b"
same "one key is left" 1 "$(keys "$b")"
refuses "the first learns it" 'Registrations preempted|Reservations preempted' sg_turs --verbose "$a"
refuses "and is shut out" 'Reservation Conflict' sg_raw --request=512 "$a" 08 00 00 02 00 00
refuses "so is its tar" 'Input/output error|Device or resource busy' tar -tf "$nst"

note "a key that survives the gateway"
check "the second registers for good" sg_persist --out --register --param-rk=0xb --param-sark=0xc --param-aptpl "$b"
check "kill -9" host kill9
check "the gateway starts" host start || give_up
check "the second has its reservation" until_true 60 sg_persist --in --read-reservation "$b"
shows "  with its key" 'Key=0xc' sg_persist --in --read-reservation "$b"
check "the second gives everything up" until_true 10 sg_persist --out --clear --param-rk=0xc "$b"
same "no key is left" 0 "$(keys "$b")"

note "the changer, by the older way"
a=$(node $FIRST mediachanger scsi_generic)
b=$(node $SECOND mediachanger scsi_generic)
until_true 10 sg_turs "$a"
until_true 10 sg_turs "$b"
check "the second reserves the changer" sg_raw "$b" 16 00 00 00 00 00
refuses "the first cannot move anything" 'Mode sense .* failed' mtx -f "$a" load 2 1
check "the second gives it back" sg_raw "$b" 17 00 00 00 00 00
check "the first moves" mtx -f "$a" load 2 1
check "logout" log_out
