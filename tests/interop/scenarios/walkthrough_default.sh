# A newcomer starts the gateway without any option and backs up with mtx, mt and tar.
# timeout: 300
# shellcheck shell=bash

name='iqn\.2026-11\.io\.capstan:[a-z0-9-]+'

note "discovery and login"
shows "discovery lists the changer" "^127\.0\.0\.1:3260,1 $name-mediachanger$" discover || give_up
for number in 01 02 03 04; do
    shows "discovery lists drive $number" "^127\.0\.0\.1:3260,1 $name-tapedrive-$number$" discover
done
same "discovery lists nothing else" 5 "$(discover | wc -l)"
shows "login to every target" "Login to .*tapedrive-04.* successful" log_in || give_up
changer=$(changer)
check "the changer has a name by path" test -e "$changer" || give_up
for number in 1 2 3 4; do
    check "drive $number has a name by path" test -e "$(drive $number)" || give_up
    check "drive $number has a rewinding name by path" test -e "$(rewinding_drive $number)"
done
same "by-id names every drive" 4 "$(readlink -f /dev/tape/by-id/*-nst | sort -u | wc -l)"
shows "by-id names the changer" "^/dev/sg" readlink -f /dev/tape/by-id/*-changer
shows "lsscsi shows the changer" "mediumx +STK +L700 .*/dev/sg[0-9]+" lsscsi -g
same "lsscsi shows two LTO-5 drives" 2 "$(lsscsi -g | grep -cE 'tape +IBM +ULT3580-TD5 .*/dev/st[0-9]+ +/dev/sg')"
same "lsscsi shows two LTO-6 drives" 2 "$(lsscsi -g | grep -cE 'tape +IBM +ULT3580-TD6 .*/dev/st[0-9]+ +/dev/sg')"

note "the changer"
shows "mtx inquiry: type" "^Product Type: Medium Changer$" mtx -f "$changer" inquiry
shows "mtx inquiry: vendor" "^Vendor ID: 'STK     '$" mtx -f "$changer" inquiry
shows "mtx inquiry: product" "^Product ID: 'L700            '$" mtx -f "$changer" inquiry
status() { mtx -f "$changer" status; }
shows "mtx status: header" "^  Storage Changer .*:4 Drives, 28 Slots \( 4 Import/Export \)$" status
shows "mtx status: empty drive" "^Data Transfer Element 3:Empty$" status
shows "mtx status: first cartridge" "^ +Storage Element 1:Full :VolumeTag=CAP001L5 *$" status
shows "mtx status: last cartridge" "^ +Storage Element 20:Full :VolumeTag=CAP020L5 *$" status
shows "mtx status: empty slot" "^ +Storage Element 24:Empty" status
shows "mtx status: import/export" "^ +Storage Element 28 IMPORT/EXPORT:Empty" status
by_id() { mtx -f /dev/tape/by-id/*-changer status; }
shows "mtx status by the changer's by-id name" "28 Slots" by_id
check "mtx inventory" mtx -f "$changer" inventory
check "mtx position" mtx -f "$changer" position 5
# Opened the usual way, st waits two minutes for a cartridge before it says the same.
refuses "an empty drive has no medium" "No medium found" dd if="$(drive 4)" iflag=nonblock count=1
shows "mt status of an empty drive" "DR_OPEN" mt -f "$(drive 4)" status

shows "mtx load" "Loading media from Storage Element 1 into drive 0\.\.\.done" mtx -f "$changer" load 1 0
shows "a loaded drive names slot and barcode" \
    "^Data Transfer Element 0:Full \(Storage Element 1 Loaded\):VolumeTag = CAP001L5 *$" status
shows "the slot is empty then" "^ +Storage Element 1:Empty" status
refuses "load into a full drive" "Drive 0 Full \(Storage Element 1 loaded\)" mtx -f "$changer" load 2 0
# What mtx makes of sense 3B/0E and 3B/0D.
refuses "load from an empty slot" "Source Element Address [0-9]+ is Empty" mtx -f "$changer" load 24 1
check "mtx transfer" mtx -f "$changer" transfer 20 24
shows "a transferred cartridge is where it went" "^ +Storage Element 24:Full :VolumeTag=CAP020L5" status
check "mtx transfer into an import/export slot" mtx -f "$changer" transfer 24 25
shows "it is there" "^ +Storage Element 25 IMPORT/EXPORT:Full :VolumeTag=CAP020L5" status
check "and back" mtx -f "$changer" transfer 25 20
refuses "transfer into a full slot" "Destination Element Address [0-9]+ is Already Full" mtx -f "$changer" transfer 20 2
refuses "a move to an element that is not there: 21/01" "Invalid element address" \
    sg_raw "$(readlink -f "$changer")" a5 00 00 00 ff f0 ff f1 00 00 00 00
shows "mtx unload" "Unloading drive 0 into Storage Element 1\.\.\.done" mtx -f "$changer" unload 1 0
shows "an unloaded drive is empty" "^Data Transfer Element 0:Empty$" status
check "load again" mtx -f "$changer" load 1 0 || give_up
shows "loaderinfo counts slots" "Number of Storage Elements: 24" loaderinfo -f "$changer"
shows "loaderinfo counts import/export" "Number of Import/Export Elements: 4" loaderinfo -f "$changer"
shows "loaderinfo counts drives" "Number of Data Transfer Elements: 4" loaderinfo -f "$changer"
shows "loaderinfo: barcode reader" "Barcode Reader: Yes|Can Read Barcodes: Yes|[Bb]ar" loaderinfo -f "$changer"

note "a cartridge in a drive"
nst=$(drive 1)
st=$(rewinding_drive 1)
# The tape driver comes first: it learns of the new cartridge by the unit attention, and any other
# command would take that away.
shows "mt status: at the beginning" "File number=0, block number=0" mt -f "$nst" status
shows "mt status: variable blocks" "Tape block size 0 bytes" mt -f "$nst" status
shows "mt status: LTO-5" "Density code 0x58" mt -f "$nst" status
shows "mt status: bits" "BOT ONLINE" mt -f "$nst" status

note "who is who: serial numbers"
dvcid=$(mktemp)
check "read element status with device identifiers" sg_raw -b -r 2048 -o "$dvcid" \
    "$(readlink -f "$changer")" b8 04 00 00 ff ff 01 00 08 00 00 00
order=""
for number in 1 2 3 4; do
    serial=$(sg_vpd -p sn "$(sg "$(drive $number)")" | sed -n 's/.*[Uu]nit serial number: *\([^ ]*\).*/\1/p')
    at=$(grep -abo -- "${serial:-no serial}" "$dvcid" | head -n 1 | cut -d: -f1)
    check "drive $number has its serial '$serial' in its element" test -n "$at"
    order="$order ${at:-0}"
done
same "elements name the drives in order" "$order" \
    " $(tr ' ' '\n' <<<"$order" | sed 1d | sort -n | uniq | tr '\n' ' ' | sed 's/ $//')"
st1=$(sg "$(drive 1)")
shows "sg_inq: a tape drive" "Peripheral device type: tape" sg_inq "$st1"
shows "sg_vpd 0x80" "Unit serial number: [A-Za-z0-9]+" sg_vpd -p sn "$st1"
shows "sg_vpd 0x83 names an NAA" "NAA" sg_vpd -p di "$st1"
shows "sg_vpd 0x83 names the target port" "tapedrive-01" sg_vpd -p di "$st1"
shows "sg_vpd 0x00 lists 0x83" "di|Device identification" sg_vpd "$st1"
shows "sg_logs lists the TapeAlert page" "0x2e|Tape *[Aa]lert" sg_logs "$st1"
check "sg_logs: TapeAlert" sg_logs -p 0x2e "$st1"
check "sg_logs: capacity" sg_logs -p 0x31 "$st1"
shows "block limits" "[Mm]inimum block size: 1 byte" sg_read_block_limits "$st1"
shows "  the longest block is 16 MiB - 1" "[Mm]aximum block size: 16777215 byte" sg_read_block_limits "$st1"
shows "tapeinfo: identity" "Product ID: 'ULT3580-TD5" tapeinfo -f "$st1"
shows "tapeinfo: ready" "Ready: yes" tapeinfo -f "$st1"
shows "tapeinfo: at the beginning" "BOP: yes" tapeinfo -f "$st1"
shows "sg_luns" "Lun list length = 8" sg_luns "$st1"

note "several archives on one tape"
for archive in 1 2 3; do
    sample "archive$archive" $archive
    check "tar writes archive $archive" tar -cf "$nst" "archive$archive"
    same "the tape stands in file $archive" "$archive" "$(file_number "$nst")"
done
check "rewind" mt -f "$nst" rewind
mkdir restored
for archive in 1 2 3; do
    shows "tar lists archive $archive" "^archive$archive/sub/numbers$" tar -tf "$nst"
    check "back to its beginning" mt -f "$nst" asf $((archive - 1))
    check "tar extracts archive $archive" tar -C restored -xf "$nst"
    check "archive $archive is as it was" diff -r --no-dereference "archive$archive" "restored/archive$archive"
    check "to the next archive" mt -f "$nst" fsf 1
done
check "straight to archive 3" mt -f "$nst" asf 2
shows "tar finds it there" "^archive3/random$" tar -tf "$nst"

note "the rewinding device"
check "rewind" mt -f "$nst" rewind
check "tar writes" tar -cf "$st" archive1
same "closing rewinds" "At block 0." "$(mt -f "$nst" tell)"
shows "tar reads from the beginning" "^archive1/random$" tar -tf "$st"
check "tar compares" tar -df "$st"
same "and rewinds again" "At block 0." "$(mt -f "$nst" tell)"
check "an older archive behind is gone: to the end of data" mt -f "$nst" eod
same "there is one file" 1 "$(file_number "$nst")"

note "positions"
# Two files: five blocks of 1000 bytes, a mark, three blocks of 3000, a mark.
head -c 5000 /dev/urandom >five
head -c 9000 /dev/urandom >three
check "rewind" mt -f "$nst" rewind
check "five blocks" dd if=five of="$nst" bs=1000 status=none
check "three blocks" dd if=three of="$nst" bs=3000 status=none
# at CLAIM BLOCK FILE BLOCK_IN_FILE: READ POSITION, and what st believes
at() {
    same "$1: tell" "At block $2." "$(mt -f "$nst" tell)"
    same "$1: file and block" "$3 $4" "$(file_number "$nst") $(block_number "$nst")"
}
at "after writing" 10 2 0
mt -f "$nst" rewind && at "rewind" 0 0 0
mt -f "$nst" fsf 1 && at "fsf 1" 6 1 0
mt -f "$nst" fsr 2 && at "fsr 2" 8 1 2
mt -f "$nst" bsr 1 && at "bsr 1" 7 1 1
mt -f "$nst" bsf 1 && at "bsf 1" 5 0 -1
mt -f "$nst" fsf 1 && at "fsf 1 again" 6 1 0
mt -f "$nst" eod && at "eod" 10 2 -1
refuses "fsf beyond the end" "Input/output error" mt -f "$nst" fsf 1
mt -f "$nst" bsfm 1 && at "bsfm 1" 10 2 0
check "seek 3" mt -f "$nst" seek 3
same "seek 3: tell" "At block 3." "$(mt -f "$nst" tell)"
same "seek 3: the right block" "$(dd if=five bs=1000 skip=3 count=1 status=none | md5sum)" \
    "$(dd if="$nst" bs=64k count=1 status=none | md5sum)"
refuses "fsr over a mark stops behind it" "Input/output error" mt -f "$nst" fsr 5
same "fsr over a mark: tell" "At block 6." "$(mt -f "$nst" tell)"
refuses "bsr over a mark stops before it" "Input/output error" mt -f "$nst" bsr 3
same "bsr over a mark: tell" "At block 5." "$(mt -f "$nst" tell)"
mt -f "$nst" rewind
refuses "bsr at the beginning" "Input/output error" mt -f "$nst" bsr 1
mt -f "$nst" rewind
refuses "a block longer than the buffer" "Cannot allocate memory" dd if="$nst" of=/dev/null bs=512 count=1
same "  has been passed all the same" "At block 1." "$(mt -f "$nst" tell)"
mt -f "$nst" seek 0
same "five short blocks in long reads" "$(md5sum <five)" "$(dd if="$nst" bs=4096 status=none | md5sum)"
same "three blocks of the next file" "$(md5sum <three)" "$(dd if="$nst" bs=4096 status=none | md5sum)"
same "nothing after the last mark" 0 "$(dd if="$nst" bs=4096 count=1 status=none 2>&1 | wc -c)"
mt -f "$nst" rewind
mt -f "$nst" fsf 1
check "weof 2" mt -f "$nst" weof 2
at "weof 2" 8 3 0
mt -f "$nst" eod
at "weof cut off what followed" 8 3 -1
mt -f "$nst" rewind
check "erase" mt -f "$nst" erase
mt -f "$nst" eod
same "an erased tape ends where it begins" "At block 0." "$(mt -f "$nst" tell)"
mt -f "$nst" rewind

note "block sizes"
check "blocks of one byte" dd if=five of="$nst" bs=1 count=20 status=none
same "  twenty of them and a mark" "At block 21." "$(mt -f "$nst" tell)"
head -c 1M /dev/urandom >big
check "a block of 1 MiB" dd if=big of="$nst" bs=1M status=none
same "  is one" "At block 23." "$(mt -f "$nst" tell)"
mt -f "$nst" rewind
same "one byte each comes back" "$(head -c 20 five | md5sum)" "$(dd if="$nst" bs=512 status=none | md5sum)"
same "1 MiB comes back" "$(md5sum <big)" "$(dd if="$nst" bs=1M count=1 status=none | md5sum)"
mt -f "$nst" rewind
check "setblk 4096" mt -f "$nst" setblk 4096
shows "mt status knows" "Tape block size 4096 bytes" mt -f "$nst" status
refuses "a write that is no multiple" "Invalid argument" dd if=five of="$nst" bs=1000 count=1
head -c 40960 /dev/urandom >ten
check "ten fixed blocks in two writes" dd if=ten of="$nst" bs=20480 status=none
same "  are ten" "At block 11." "$(mt -f "$nst" tell)"
mt -f "$nst" rewind
same "fixed blocks come back" "$(md5sum <ten)" "$(dd if="$nst" bs=8192 status=none | md5sum)"
mt -f "$nst" rewind
check "setblk 0" mt -f "$nst" setblk 0
same "in variable mode they are blocks of 4096" 4096 "$(dd if="$nst" bs=64k count=1 status=none | wc -c)"
check "compression off" mt -f "$nst" compression 0
shows "tapeinfo: off" "DataCompEnabled: no" tapeinfo -f "$st1"
check "compression on" mt -f "$nst" compression 1
shows "tapeinfo: on" "DataCompEnabled: yes" tapeinfo -f "$st1"

note "a locked drive"
check "mt lock" mt -f "$nst" lock
refuses "a locked cartridge stays: 53/02" "Additional Sense Code = 53" mtx -f "$changer" unload 1 0
check "mt unlock" mt -f "$nst" unlock
check "then it leaves" mtx -f "$changer" unload 1 0

note "two drives at once"
check "load drive 0" mtx -f "$changer" load 1 0
check "load drive 2, an LTO-6" mtx -f "$changer" load 2 2
head -c 16M /dev/urandom >one
head -c 16M /dev/urandom >two
both_write() {
    dd if=one of="$(drive 1)" bs=64k status=none &
    dd if=two of="$(drive 3)" bs=256k status=none && wait $!
}
both_read() {
    dd if="$(rewinding_drive 1)" bs=64k status=none >one.back &
    dd if="$(rewinding_drive 3)" bs=256k status=none >two.back && wait $!
}
check "both write" both_write
mt -f "$(drive 1)" rewind
mt -f "$(drive 3)" rewind
check "both read" both_read
check "the first is as it was" cmp one one.back
check "the second is as it was" cmp two two.back

note "logout and login"
check "logout" log_out
refuses "no session is left" "No active sessions" iscsiadm -m session
check "login again" log_in || give_up
shows "what was loaded is loaded" "^Data Transfer Element 2:Full \(Storage Element 2 Loaded\):VolumeTag = CAP002L5" status
same "and its data is there" "$(md5sum <two)" "$(dd if="$(drive 3)" bs=256k status=none | md5sum)"
shows "capstan status knows the drive" "CAP002L5" host capstan status
check "unload" mtx -f "$changer" unload 1 0
check "unload" mtx -f "$changer" unload 2 2
check "logout" log_out
