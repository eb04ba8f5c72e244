# Two partitions by mt with an archive in each, a restart between; a WORM tape that only takes more.
# timeout: 240
# shellcheck shell=bash

check "a WORM tape" host capstan tape create --barcode WORM01LV --media LTO-5W --size 100MiB || give_up
check "a tape for partitions" host capstan tape create --barcode PART01L5 --size 200MB || give_up
connect
nst=$(drive 1)
status() { mtx -f "$CHANGER" status; }
slot() { status | sed -n "s/.*Storage Element \([0-9]*\).*VolumeTag=$1.*/\1/p"; }
partition() { mt -f "$nst" status | sed -n 's/.*partition=\([0-9]*\).*/\1/p'; }
# The driver keeps quiet about partitions unless it is told that there may be some.
can_partitions() { mt -f "$nst" stsetoptions can-partitions; }
# page NUMBER: a mode page of the drive, in hexadecimal, without the header.
page() { sg_modes --page="$1" --dbd --maxlen=252 "$(sg "$nst")" | tail -n +2; }

sample zero 4
sample one 8
first=$(slot PART01L5)
check "load" mtx -f "$CHANGER" load "$first" 0 || give_up
check "an archive on the whole tape" tar -cf "$nst" zero
check "st may use partitions" can_partitions
check "mt mkpartition: 50 MB for the second" mt -f "$nst" mkpartition 50
check "to the end of data" mt -f "$nst" eod
shows "the tape is empty" "At block 0" mt -f "$nst" tell

note "an archive in each"
check "partition 1" mt -f "$nst" setpartition 1
check "an archive in it" tar -cf "$nst" one
check "partition 0" mt -f "$nst" setpartition 0
check "rewind" mt -f "$nst" rewind
check "an archive in it" tar -cf "$nst" zero
check "and one behind it" tar -cf "$nst" one
check "partition 1 again" mt -f "$nst" setpartition 1
same "mt says so" 1 "$(partition)"
check "its beginning" mt -f "$nst" rewind
check "its archive is as it was" tar -df "$nst" one
head -c 60M /dev/urandom >long
refuses "60 MB do not fit into 50" "No space left on device" dd if=long of="$nst" bs=64k
check "back to partition 0" mt -f "$nst" setpartition 0
check "rewind" mt -f "$nst" rewind
check "its first archive is as it was" tar -df "$nst" zero
check "fsf" mt -f "$nst" fsf 1
check "its second archive is as it was" tar -df "$nst" one

note "the gateway restarts"
check "partition 1" mt -f "$nst" setpartition 1
check "SIGTERM" host stop
check "start" host start || give_up
recovered() {
    [ "$(iscsiadm -m session -P 1 | grep -c 'Internal iscsid Session State: NO CHANGE')" = 5 ] &&
        mt -f "$nst" rewind
}
check "the initiator recovers" until_true 60 recovered || give_up
can_partitions
check "partition 1" mt -f "$nst" setpartition 1
check "rewind" mt -f "$nst" rewind
check "its archive is there" tar -df "$nst" one
check "partition 0" mt -f "$nst" setpartition 0
check "rewind" mt -f "$nst" rewind
check "its archive is there" tar -df "$nst" zero
shows "page 11h: one additional partition" " 11 0a 01 01 3c " page 0x11
refuses "there is no partition 2" "Input/output error|Invalid argument" mt -f "$nst" setpartition 2
check "partition 0" mt -f "$nst" setpartition 0
check "rewind" mt -f "$nst" rewind
check "mt mkpartition 0: one partition" mt -f "$nst" mkpartition 0
shows "page 11h: none additional" " 11 0a 01 00 3c " page 0x11
refuses "partition 1 is gone" "Input/output error|Invalid argument" mt -f "$nst" setpartition 1
check "unload" mtx -f "$CHANGER" unload "$first" 0

note "WORM"
worm=$(slot WORM01LV)
check "load" mtx -f "$CHANGER" load "$worm" 0 || give_up
check "rewind" mt -f "$nst" rewind
shows "page 1Dh: WORMM" " 1d 1e 01 00 00 03" page 0x1d
check "an archive" tar -cf "$nst" one
check "another behind it" tar -cf "$nst" zero
check "rewind" mt -f "$nst" rewind
refuses "no archive goes over it" "Cannot write|Permission denied|Input/output error" tar -cf "$nst" zero
check "rewind" mt -f "$nst" rewind
refuses "it is not erased" "Input/output error|Permission denied" mt -f "$nst" erase
check "rewind" mt -f "$nst" rewind
check "its first archive is as it was" tar -df "$nst" one
check "to the end" mt -f "$nst" eod
check "an archive is appended" tar -cf "$nst" one
check "rewind" mt -f "$nst" rewind
for archive in one zero one; do
    check "$archive is as it was" tar -df "$nst" $archive
    mt -f "$nst" fsf 1
done
check "unload" mtx -f "$CHANGER" unload "$worm" 0
check "logout" log_out
