# The walk-through of a tape gateway: ten drives, 3200 slots, fixed blocks of 65536 bytes.
# serve: --preset tape-gateway --listen 10.99.0.1:3260
# timeout: 240
# shellcheck shell=bash

PORTAL=10.99.0.1:3260
name='iqn\.2026-11\.io\.capstan:[a-z0-9-]+'

note "the tape"
check "a tape is made on the command line" host capstan tape create --barcode DEMO01L5
shows "and listed" "DEMO01L5" host capstan tape list

note "discovery and login"
shows "discovery lists the changer" "^10\.99\.0\.1:3260,1 $name-mediachanger$" discover || give_up
shows "discovery lists drive 10" "^10\.99\.0\.1:3260,1 $name-tapedrive-10$" discover
same "discovery lists eleven targets" 11 "$(discover | wc -l)"
check "login to every target" log_in || give_up
changer=$(changer)
check "the changer has a name by path" test -e "$changer" || give_up
same "ten drives have names by path" 10 "$(ls /dev/tape/by-path | grep -c -- '-lun-0-nst$')"
same "ten drives have names by id" 10 "$(readlink -f /dev/tape/by-id/*-nst | sort -u | wc -l)"
shows "lsscsi: the changer" "mediumx +AWS +Gateway-VTL +0100 .*/dev/sg" lsscsi -g
same "lsscsi: ten drives" 10 "$(lsscsi -g | grep -cE 'tape +IBM +ULT3580-TD5 +0103 +/dev/st[0-9]+ +/dev/sg')"

note "the changer"
shows "mtx inquiry: type" "^Product Type: Medium Changer$" mtx -f "$changer" inquiry
shows "mtx inquiry: vendor" "^Vendor ID: 'AWS     '$" mtx -f "$changer" inquiry
shows "mtx inquiry: product" "^Product ID: 'Gateway-VTL     '$" mtx -f "$changer" inquiry
shows "mtx inquiry: revision" "^Revision: '0100'$" mtx -f "$changer" inquiry
shows "mtx inquiry: no changer attached" "^Attached Changer API: No$" mtx -f "$changer" inquiry
full() { mtx -f "$changer" status | grep -v Empty; }
status() { mtx -f "$changer" status; }
shows "mtx status: header" "^  Storage Changer $changer:10 Drives, 3200 Slots \( 1600 Import/Export \)$" status
shows "the new tape is in the first import/export slot" \
    "^ +Storage Element 1601 IMPORT/EXPORT:Full :VolumeTag=DEMO01L5 *$" full
same "nothing else is in the library" 2 "$(full | wc -l)"
shows "the last slot" "^ +Storage Element 3200 IMPORT/EXPORT:Empty" status
shows "the last ordinary slot" "^ +Storage Element 1600:Empty" status
shows "mtx load" "Loading media from Storage Element 1601 into drive 0\.\.\.done" mtx -f "$changer" load 1601 0 || give_up
shows "the drive is full, its tape at home in slot 1" \
    "^Data Transfer Element 0:Full \(Storage Element 1 Loaded\):VolumeTag = DEMO01L5 *$" full

note "the first backup"
st=$(rewinding_drive 1)
nst=$(drive 1)
shows "mt status: position" "^File number=0, block number=0, partition=0\.$" mt -f "$st" status
shows "mt status: block size" "^Tape block size 65536 bytes\. Density code 0x0 \(default\)\.$" mt -f "$st" status
shows "mt status: bits" "\(41010000\):" mt -f "$st" status
shows "mt status: their names" "BOT ONLINE IM_REP_EN" mt -f "$st" status
sample linux 3
refuses "tar with its own record size" "Cannot write: Invalid argument" tar -cf "$st" linux
shows "the kernel says why" "Write not multiple of tape block size" dmesg
shows "the kernel knows the block limits" "Block limits [01] - 1048576 bytes" dmesg
shows "tar with records of 65536 bytes" "^linux/random$" tar -cv --record-size=65536 -f "$st" linux
shows "tar lists" "linux/sub/numbers$" tar -tv --record-size=65536 -f "$st"
mkdir restored
shows "tar extracts, without being told the size" "^linux/random$" tar -C restored -xvf "$nst"
check "what comes back is what went in" diff -r --no-dereference linux restored/linux
mt -f "$nst" rewind

note "many archives on the drive that does not rewind"
for archive in 1 2 3; do
    check "archive $archive" tar -c --record-size=65536 -f "$nst" linux/sub
done
same "three files" 3 "$(file_number "$nst")"
check "back to the second" mt -f "$nst" asf 1
shows "it lists" "linux/sub/numbers" tar -t --record-size=65536 -f "$nst"

note "a second tape in the last drive"
check "another tape" host capstan tape create --barcode DEMO02L5
shows "it comes into the same slot, which is empty again" "Element 1601 IMPORT/EXPORT:Full :VolumeTag=DEMO02L5" full
check "to an ordinary slot" mtx -f "$changer" transfer 1601 3
check "load into drive 9" mtx -f "$changer" load 3 9
shows "mtx status names slot 3" "^Data Transfer Element 9:Full \(Storage Element 3 Loaded\):VolumeTag = DEMO02L5" full
check "write there" tar -c --record-size=65536 -f "$(rewinding_drive 10)" linux/sub
shows "read there" "linux/sub/numbers" tar -t --record-size=65536 -f "$(rewinding_drive 10)"
shows "mtx unload 3 9" "Unloading drive 9 into Storage Element 3\.\.\.done" mtx -f "$changer" unload 3 9

note "the end: export"
shows "mtx unload into the last slot" "Unloading drive 0 into Storage Element 3200\.\.\.done" mtx -f "$changer" unload 3200 0
shows "the drive is empty" "^Data Transfer Element 0:Empty$" status
check "logout" log_out
