# Faults on order, slow mechanics and a cleaning tape as Linux meets them, and the trace that shows it.
# timeout: 150
# shellcheck shell=bash

connect
nst=$(drive 1)
block=65536
check "load" mtx -f "$CHANGER" load 1 0 || give_up
check "the drive is ready" until_true 10 mt -f "$nst" rewind

note "A bad block"
head -c $((16 * block)) /dev/urandom >file
check "write 16 blocks" dd if=file of="$nst" bs=$block
check "rewind" mt -f "$nst" rewind
check "block 5 becomes bad" host capstan fault add tape:CAP001L5 bad-block 5
refuses "dd meets it" "Input/output error" dd if="$nst" of=part bs=$block
same "after exactly five blocks" $((5 * block)) "$(stat -c %s part)"
check "  which are right" cmp -n $((5 * block)) part file
check "over it" mt -f "$nst" fsr 1
check "the rest is readable" dd if="$nst" of=rest bs=$block
tail -c $((10 * block)) file >wanted
check "  and right" cmp rest wanted
shows "status tells of the fault" "tape:CAP001L5 +bad block 5 +until cleared +1" host capstan status
check "the block is good again" host capstan fault clear all
check "rewind" mt -f "$nst" rewind
check "read all of it" dd if="$nst" of=back bs=$block
check "  and right" cmp back file

note "Errors of commands"
sample data 2
check "rewind" mt -f "$nst" rewind
check "the third write will fail" host capstan fault add drive:0 sense 3/0c/00 --on write --nth 3
refuses "tar meets it" "Input/output error" tar -cf "$nst" data
check "rewind" mt -f "$nst" rewind
check "the next archive is written" tar -cf "$nst" data
check "rewind" mt -f "$nst" rewind
check "  and it is right" tar -df "$nst" data
check "write protection" host capstan fault add tape:CAP001L5 write-protect
refuses "nothing can be written" "Read-only file system|Permission denied|Operation not permitted" tar -cf "$nst" data
check "clear it" host capstan fault clear tape:CAP001L5

note "The robot"
check "it will be stuck" host capstan fault add changer robot-stuck
refuses "mtx cannot unload" "Hardware Error|15" mtx -f "$CHANGER" unload 1 0
check "it was stuck once" mtx -f "$CHANGER" unload 1 0

note "Slow mechanics"
check "loading takes four seconds" host capstan fault add drive:0 delays --load 4s
check "load" mtx -f "$CHANGER" load 1 0
sg=$(sg "$nst")
shows "the drive becomes ready" "becoming ready|not ready" sg_requests "$sg"
shows "status says so" "loading" host capstan status
check "it is ready in the end" until_true 10 sg_turs "$sg"
check "  for mt too" mt -f "$nst" rewind
check "clear the delays" host capstan fault clear all

note "Cleaning"
check "the drive asks for it" host capstan fault add drive:0 needs-cleaning
shows "TapeAlert says so" "Cleaning required: 1" sg_logs --page=0x2e "$sg"
shows "status says so" "needs cleaning" host capstan status
check "unload" mtx -f "$CHANGER" unload 1 0
check "a cleaning tape" host capstan tape create --cleaning
clean=$(mtx -f "$CHANGER" status | sed -n 's/.*Storage Element \([0-9]*\).*VolumeTag=CLN.*/\1/p')
check "mtx sees it in slot $clean" test -n "$clean" || give_up
check "load it" mtx -f "$CHANGER" load "$clean" 0
# Not with dd: st waits two minutes for a drive that is not ready to become so.
refuses "the drive is not ready with it" "not ready" sg_turs -v "$sg"
cleaned() { ! host capstan status | grep -q "needs cleaning"; }
check "the drive is clean after a while" until_true 10 cleaned
check "out with it" mtx -f "$CHANGER" unload "$clean" 0
check "the tape again" mtx -f "$CHANGER" load 1 0
check "it is readable" until_true 10 tar -df "$nst" data

note "The trace"
shows "tar's blocks" "READ\(6\) 10240 bytes" host capstan trace drive 0 --last 500
shows "the bad block, where it was" \
    "0,5 .*READ\(6\) 65536 bytes → MEDIUM ERROR 3/11/00 UNRECOVERED READ ERROR" \
    host capstan trace drive 0 --last 2000
shows "the stuck robot" "MOVE MEDIUM .*HARDWARE ERROR 4/15/01" host capstan trace changer --last 500
check "a capture" host capstan trace drive 0 --pcapng trace.pcapng
shows "tshark finds tar's reads in it" "SCSI: Read\(6\) LUN: 0x00 \(Len: 10240\)" \
    host sh 'tshark -n -r trace.pcapng -Y scsi_ssc.opcode==8 2>/dev/null | tail -n 5'
# Wireshark calls a page malformed that the allocation length has cut: the kernel asks for headers first.
same "and nothing malformed but pages that were cut" "" \
    "$(host sh 'tshark -n -r trace.pcapng -Y _ws.malformed 2>/dev/null | grep -v "Response Data)"')"
check "logout" log_out
