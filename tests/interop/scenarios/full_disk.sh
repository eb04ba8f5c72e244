# The disk under the gateway runs full: the write fails, what was there stays, the gateway lives.
# disk: 64M
# timeout: 180
# shellcheck shell=bash

connect
nst=$(drive 1)
sample before 6
sample after 6
check "load" mtx -f "$CHANGER" load 1 0 || give_up
check "load a second drive" mtx -f "$CHANGER" load 2 1
check "an archive fits" tar -cf "$nst" before || give_up
check "another on the second drive" tar -cf "$(drive 2)" before

head -c 40M /dev/urandom >toolong
check "the host fills the disk but for 16 MiB" \
    host sh 'fallocate -l $(($(stat -f -c "%a * %S" .) - 16777216)) filler'
dmesg -C
refuses "a write of 40 MiB fails" "No space left on device|Input/output error" \
    dd if=toolong of="$nst" bs=64k
# A kernel without the names of sense codes prints numbers: 3 is MEDIUM ERROR.
shows "the kernel was told of a medium error" "Sense Key : (Medium Error|0x3) \[current\]" dmesg
shows "  of a write error" "Add. Sense: Write error|ASC=0xc ASCQ=0x0" dmesg
check "the drive answers" mt -f "$nst" status
check "capstan status answers" host capstan status
shows "the changer answers" "28 Slots" mtx -f "$CHANGER" status
check "rewind" mt -f "$nst" rewind
check "the archive before it is as it was" tar -df "$nst" before
check "the second drive reads" mt -f "$(drive 2)" rewind
check "  its archive" tar -df "$(drive 2)" before

check "the host makes room" host sh 'rm filler'
check "to the end of the good archive" mt -f "$nst" asf 1
check "writing works again" tar -cf "$nst" after
check "rewind" mt -f "$nst" rewind
check "the first archive reads" tar -df "$nst" before
check "the next file" mt -f "$nst" asf 1
check "the second archive reads" tar -df "$nst" after
check "restart" host restart
check "the initiator recovers" until_true 60 mt -f "$nst" status
check "rewind" mt -f "$nst" rewind
check "after a restart the first archive reads" tar -df "$nst" before
check "the next file" mt -f "$nst" asf 1
check "and the second" tar -df "$nst" after
check "logout" log_out
