# Every command of the changer: mtx where it knows one, sg_raw for the rest; two libraries in one gateway.
# serve: --config two.toml
# the scenario starts the gateway
# timeout: 240
# shellcheck shell=bash

PORTAL=10.99.0.1:3260
check "the configuration is written" host sh 'cat >two.toml <<END
name = "lab"
[iscsi]
listen = ["10.99.0.1:3260"]
[[library]]
name = "east"
targets = "single"
END' || give_up
check "the gateway starts" host start || give_up
check "discovery answers" discover || give_up
same "discovery lists the targets of both libraries" 6 "$(discover | wc -l)"
check "login" log_in || give_up
changer=$(changer)
check "the changer has a name" test -e "$changer" || give_up
sg=$(readlink -f "$changer")
# Elements: import/export 000a…, drives 01f4…, slots 03e8….
status() { mtx -f "$changer" status; }
raw() { sg_raw -r 4096 "$sg" "$@"; }
main() { host capstan --library main "$@"; }
east() { host capstan --library east "$@"; }

note "mtx"
check "position" mtx -f "$changer" position 24
check "inventory" mtx -f "$changer" inventory
check "exchange of two slots" mtx -f "$changer" exchange 1 2
shows "slot 1 has what was in slot 2" "Storage Element 1:Full :VolumeTag=CAP002L5" status
shows "slot 2 has what was in slot 1" "Storage Element 2:Full :VolumeTag=CAP001L5" status
check "exchange with a third slot" mtx -f "$changer" exchange 1 2 24
shows "what was in slot 2 is in slot 24" "Storage Element 24:Full :VolumeTag=CAP001L5" status
check "back" mtx -f "$changer" transfer 24 1
refuses "exchange with an empty slot" "Address [0-9]+ is Empty" mtx -f "$changer" exchange 1 24
refuses "a third slot that is full" "Already Full" mtx -f "$changer" exchange 1 2 3
check "eepos 1 opens the station" mtx -f "$changer" eepos 1 transfer 25 25
shows "the administrator sees it" "4 free, open" host capstan status
refuses "the picker does not reach it: 3A/02" "Additional Sense Code = 3A" mtx -f "$changer" transfer 1 25
check "eepos 2 closes it and moves" mtx -f "$changer" eepos 2 transfer 1 25
shows "the cartridge is there" "Storage Element 25 IMPORT/EXPORT:Full :VolumeTag=CAP001L5" status
check "and back" mtx -f "$changer" transfer 25 1
for count in "Storage Elements: 24" "Import/Export Elements: 4" "Data Transfer Elements: 4"; do
    shows "loaderinfo: $count" "Number of $count" loaderinfo -f "$changer"
done
shows "loaderinfo: one picker" "Number of Medium Transport Elements: 1" loaderinfo -f "$changer"

note "EXCHANGE MEDIUM with a drive"
sample data 2
check "load" mtx -f "$changer" load 3 0
check "write" tar -cf "$(rewinding_drive 1)" data
check "slot 4 into drive 0, its cartridge into slot 3" raw a6 00 00 00 03 eb 01 f4 03 ea 00 00
shows "the drive has the other cartridge" "Element 0:Full \(Storage Element 4 Loaded\):VolumeTag = CAP004L5" status
shows "the first one is in slot 3" "Storage Element 3:Full :VolumeTag=CAP003L5" status
check "exchange back" raw a6 00 00 00 03 ea 01 f4 03 ea 00 00
attempt mt -f "$(drive 1)" status # takes the attention of the load
check "what was written is there" tar -df "$(rewinding_drive 1)" data
refuses "inverting is refused" "Illegal Request" raw a6 00 00 00 03 ea 01 f4 03 ea 02 00
check "unload" mtx -f "$changer" unload 4 0

note "finding cartridges by barcode"
python3 -c "import sys; sys.stdout.buffer.write(b'CAP01?L5'.ljust(32) + bytes(8))" >template
check "SEND VOLUME TAG" sg_raw -s 40 -i template "$sg" b6 00 00 00 00 05 00 00 00 28 00 00
shows "ten cartridges are found" "03 f1 00 0a 05" raw b5 10 00 00 ff ff 00 00 00 08 00 00
shows "REQUEST VOLUME ELEMENT ADDRESS tells the first" "03 f1 00 01 05 00 00 3c +02 80 00 34" raw b5 10 00 00 00 01 00 00 10 00 00 00
shows "each is told once" "03 f2 00 09 05" raw b5 10 00 00 ff ff 00 00 00 08 00 00
refuses "a printed barcode is not undefined" "Invalid field in cdb" \
    sg_raw -s 40 -i template "$sg" b6 00 03 e8 00 0c 00 00 00 28 00 00

note "the import/export station"
check "PREVENT" raw 1e 00 00 00 01 00
refuses "OPEN is refused: 53/02" "Medium removal prevented" raw 1b 00 00 0a 00 00
refuses "the administrator's too" "prevents medium removal" main changer ie open
check "ALLOW" raw 1e 00 00 00 00 00
check "OPEN" raw 1b 00 00 0a 00 00
refuses "MOVE MEDIUM to it: 3A/02" "tray open" raw a5 00 00 00 03 e8 00 0a 00 00 00 00
check "CLOSE" raw 1b 00 00 0a 01 00
refuses "a slot has no door" "Invalid element address" raw 1b 00 03 e8 00 00
check "the administrator opens" main changer ie open
check "and closes" main changer ie close
refuses "the host is told once: 28/01" "Import or export element accessed" raw 00 00 00 00 00 00
check "and not again" raw 00 00 00 00 00 00
check "the administrator moves a cartridge" main changer move slot:5 slot:23
refuses "the host is told: 28/00" "medium may have changed" raw 00 00 00 00 00 00
check "a move into import/export" main changer move slot:23 ie:1
shows "mtx sees it all the same" "Storage Element 25 IMPORT/EXPORT:Full :VolumeTag=CAP005L5" status

note "the rest"
check "REZERO UNIT" raw 01 00 00 00 00 00
check "INITIALIZE ELEMENT STATUS" raw 07 00 00 00 00 00
check "INITIALIZE ELEMENT STATUS WITH RANGE" raw 37 01 03 e8 00 00 00 04 00 00
check "the same by its old code" raw e7 01 03 e8 00 00 00 04 00 00
shows "REPORT ELEMENT INFORMATION: which pages" "00 00 00 00 00 00 00 20" raw 9e 10 00 00 00 00 00 00 00 00 00 00 10 00 00 00
shows "the state of drive 0" "03 00 00 08 00 00 00 08 +00 00 01 f4 04 80" raw 9e 10 03 24 00 00 00 00 01 f4 00 00 10 00 01 00
check "a drive out of service" main drive disable 3
refuses "the host is told: 3B/18" "Element disabled" raw 00 00 00 00 00 00
refuses "no move into it" "Element disabled" raw a5 00 00 00 03 e8 01 f7 00 00 00 00
shows "TapeAlert flag 22: drive offline" "00 16 03 01 01" \
    sh -c "sg_logs --raw --page=0x2e '$sg' | od -An -v -tx1 -w5 -j4"
check "in service" main drive enable 3
attempt raw 00 00 00 00 00 00 # takes the attention
shows "mode page 1Fh" "1f 12 0e 00 00 0e 0e 0e" sg_modes --hex --page=0x1f "$sg"
shows "mode page 1Fh, sub-page 41h" "5f 41 00 10 07" sg_modes --hex --page=0x1f,0x41 "$sg"
shows "mode page 1Ch" "1c 0a 08 03" sg_modes --hex --page=0x1c "$sg"
for code in 01 1b 2b 37 a5 a6 b5 b6 b8 e7; do
    shows "sg_opcodes lists $code" "^ $code " sg_opcodes "$sg"
done
shows "and 9e with its service action" "^ 9e +10 " sg_opcodes "$sg"

note "the other library"
other="/dev/tape/by-path/ip-$PORTAL-iscsi-iqn.2026-11.io.capstan:lab.east-lun"
shows "its changer" "4 Drives, 28 Slots" mtx -f "$other-0-changer" status
check "load into its drive 2" mtx -f "$other-0-changer" load 1 2
check "LUN 3 is that drive" tar -cf "$other-3" data
check "and reads" tar -df "$other-3" data
shows "the main library's drive 2 is empty" "Data Transfer Element 2:Empty" status
# The changer names its drives as they name themselves: by serial number.
serial=$(sg_inq --page=0x80 --raw "$(sg "$other-3-nst")" | tail -c +5)
check "READ ELEMENT STATUS with DVCID" sg_raw -b -r 4096 -o ids "$(readlink -f "$other-0-changer")" \
    b8 04 01 f6 00 01 01 00 10 00 00 00
same "the drive's serial number is in it" 1 "$(grep -c "$serial" ids)"
lacks "no serial number of this library is in the other" "$serial" host capstan --library main drive list
shows "the administrator sees what is loaded" "CAP001L5" east drive list
refuses "who names no library is asked" "several libraries: main, east" host capstan drive list
check "unload" mtx -f "$other-0-changer" unload 1 2
check "logout" log_out
