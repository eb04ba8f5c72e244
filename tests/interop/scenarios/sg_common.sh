# What every device answers alike: sg3_utils over the common pages and commands, on the changer and a drive.
# timeout: 180
# shellcheck shell=bash

connect
nst=$(drive 1)
sg=$(sg "$nst")
check "load" mtx -f "$CHANGER" load 1 0 || give_up
for device in "$CHANGER" "$sg"; do
    until_true 20 sg_turs "$device"
done

for device in "$CHANGER" "$sg"; do
    note "$device: INQUIRY and its pages"
    check "standard data" sg_inq "$device" || give_up
    shows "target port groups are implicit" 'TPGS=1' sg_inq "$device"
    shows "supported pages" 'Unit serial number' sg_vpd --page=sv "$device"
    shows "a serial number" 'Unit serial number: .' sg_vpd --page=sn "$device"
    refuses "a page that is not there" "[Ii]llegal|[Bb]ad field|[Ii]nvalid|not supported|failed" sg_vpd --page=0x4f "$device"

    note "$device: mode pages"
    for control in 0 1 2; do
        check "all pages and sub-pages, PC=$control" sg_modes --page=0x3f,0xff --control=$control "$device"
    done
    refuses "no saved values" "Saving parameters not supported" \
        sg_raw -r 255 "$device" 5a 08 ff 00 00 00 00 00 ff 00
    shows "the control extension page" 'Control [Ee]xtension' \
        sg_modes --page=0x0a,0x01 "$device"
    shows "  and in the control page D_SENSE can change" ' 0a 0a 04 00' \
        sg_raw -r 64 "$device" 5a 08 4a 00 00 00 00 00 40 00

    note "$device: sense data in both formats"
    check "REQUEST SENSE" sg_requests "$device"
    shows "  in descriptors" 'Descriptor format' sg_requests --desc "$device"
    check "D_SENSE on" sg_wr_mode --page=a --contents=0a,0a,06,00,00,00,00,00,00,00,00,00 \
        --mask=0,0,4,0,0,0,0,0,0,0,0,0 --dbd "$device"
    refuses "  a CHECK CONDITION in descriptors" 'Descriptor format.*Illegal Request' \
        sg_raw -r 96 "$device" 12 01 4f 00 60 00
    check "D_SENSE off" sg_wr_mode --page=a --contents=0a,0a,02,00,00,00,00,00,00,00,00,00 \
        --mask=0,0,4,0,0,0,0,0,0,0,0,0 --dbd "$device"
    refuses "  and in fixed format" 'Fixed format.*Illegal Request' sg_raw -r 96 "$device" 12 01 4f 00 60 00

    note "$device: diagnostics"
    check "default self-test" sg_senddiag --test "$device"
    check "foreground self-test" sg_senddiag --selftest=5 "$device"
    refuses "no self-test in the background" "[Ii]llegal|[Bb]ad field|[Ii]nvalid|not supported|failed" sg_senddiag --selftest=1 "$device"
    check "supported diagnostic pages" sg_senddiag --list "$device"

    note "$device: buffers"
    head -c 4096 /dev/urandom >pattern
    check "WRITE BUFFER, data" sg_write_buffer --mode=2 --length=4096 --in=pattern "$device"
    shows "READ BUFFER, descriptor: 64 KiB" '00 01 00 00' sg_raw -r 4 "$device" 3c 03 00 00 00 00 00 00 04 00
    check "READ BUFFER, data" sg_raw -r 4096 -o back "$device" 3c 02 00 00 00 00 00 10 00 00
    check "  is what was written" cmp pattern back
    check "WRITE BUFFER, echo" sg_write_buffer --mode=0x0a --length=252 --in=pattern "$device"
    check "READ BUFFER, echo" sg_raw -r 252 -o back "$device" 3c 0a 00 00 00 00 00 00 fc 00
    check "  is what was written" cmp -n 252 pattern back
    refuses "no microcode" "[Ii]llegal|[Bb]ad field|[Ii]nvalid|not supported|failed" \
        sg_write_buffer --mode=5 --length=4096 --in=pattern "$device"
    shows "the error history's directory" 'CAPSTAN' sg_raw -r 64 "$device" 3c 1c 00 00 00 00 00 00 40 00
    check "the error history" sg_raw -r 16384 -o history "$device" 3c 1c 10 00 00 00 00 40 00 00
    shows "  has the last failure" '3b 05 .*24/00 INVALID FIELD IN CDB' grep -a '3b 05' history

    note "$device: clock, names, ports"
    shows "the computer's clock" '^1[0-9]{12}$' sg_timestamp "$device"
    check "set the clock" sg_timestamp --milliseconds=1000000000000 "$device"
    shows "  it goes on from there" '^100000[0-9]{7}$' sg_timestamp "$device"
    check "give it a name" sh -c "printf 'rack seven' | sg_ident --set '$device'"
    shows "  it has it" 'rack seven|72 61 63 6b' sg_ident --ascii "$device"
    check "take it back" sg_ident --clear "$device"
    shows "target port groups" 'target port group id : 0x1' sg_rtpg "$device"
    shows "  with the extended header" 'target port group id : 0x1' sg_rtpg --extended "$device"
    for select in 0 1 2; do
        check "REPORT LUNS, SELECT REPORT $select" sg_luns --select=$select "$device"
    done

    note "$device: what it says of its commands"
    shows "all of them" 'Report timestamp' sg_opcodes "$device"
    shows "  with timeouts" 'imeout' sg_opcodes --rctd "$device"
    shows "one of them" '[Uu]sage data: a4 0f' sg_opcodes --opcode=0xa4,0x0f "$device"
    shows "task management functions" '[Ll]ogical unit reset|LURS' sg_opcodes --tmf "$device"
    check "persistent reservation capabilities" sg_persist --in --report-capabilities "$device"
done

note "what one has changed, the device has kept for itself"
check "the tape still reads and writes" sh -c "tar -cf $nst pattern && mt -f $nst rewind && tar -df $nst pattern"
