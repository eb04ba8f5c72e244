# What a drive tells about itself and its cartridge: sg_logs, sg_read_attr, tapeinfo and capstan show.
# timeout: 180
# shellcheck shell=bash

connect
nst=$(drive 1)
sg=$(sg "$nst")
check "load" mtx -f "$CHANGER" load 1 0 || give_up

until_true 10 sg_turs "$sg" # the first command is told that there is a cartridge

note "log pages"
shows "the list of pages" "0x17 +Volume statistics" sg_logs "$sg"
for page in 0x2 0x3 0xc 0xd 0x10 0x11 0x12 0x13 0x14 0x16 0x17 0x1b 0x2e 0x30 0x31 0x32 0x33 0x34 0x37 0x3e; do
    check "page $page is decoded" sg_logs --page=$page "$sg"
done
refuses "a page that is not listed" "[Ff]ield in cdb" sg_logs --page=0x38 "$sg"
check "sub-pages are listed" sg_logs --page=0,0xff "$sg"
check "all of them at once" sg_logs -a "$sg"

seq 1 400000 >text
check "write what compresses" dd if=text of="$nst" bs=64k status=none
check "a mark" mt -f "$nst" weof 1
bytes=$(stat -c %s text)
# counter PAGE PARAMETER: a number as sg_logs shows it, in hexadecimal digits of the raw value.
counter() {
    sg_logs --page="$1" --filter="$2" --raw "$sg" | tail -c +5 | od -An -v -tu1 |
        tr -s ' \n' ' ' | awk '{ for (i = 1; i <= NF; i++) sum = sum * 256 + $i; print sum }'
}
same "bytes from the initiator" "$bytes" "$(counter 0xc 0)"
stored=$(counter 0xc 1)
check "less to the medium: $stored" test "$stored" -gt 0 -a "$stored" -lt $((bytes / 2))
same "the write error counters agree" "$stored" "$(counter 0x2 5)"
check "a ratio of more than 2: $(counter 0x1b 1) percent" test "$(counter 0x1b 1)" -gt 200
shows "volume statistics are valid" "Page valid: 1" sg_logs --page=0x17 "$sg"
shows "and know the barcode" "Volume barcode: CAP001L5" sg_logs --page=0x17 "$sg"
shows "capacity of the partition" "Main partition maximum capacity \(in MiB\): 1430511" sg_logs --page=0x31 "$sg"
shows "LTFS would find it mounted" "MTHRD=1 MOUNTED=1" sg_logs --page=0x11 "$sg"
check "reset the counters" sg_logs --reset --page=0x2 "$sg"
same "they begin anew" 0 "$(counter 0x2 5)"
same "what the drive has done stays" "$bytes" "$(counter 0xc 0)"

note "TapeAlert"
check "prevent removal" sg_prevent "$sg"
refuses "an unload is refused" "." sg_start --eject "$sg"
shows "sg_logs shows the flag" "No removal: 1" sg_logs --page=0x2e "$sg"
lacks "and has taken it" "No removal: 1" sg_logs --page=0x2e "$sg"
shows "capstan still shows it" "TapeAlert +10 No removal \(information\)" host capstan drive show 0
check "allow removal" sg_prevent --allow "$sg"
shows "tapeinfo has its say" "Vendor ID: 'IBM" tapeinfo -f "$sg"

note "attributes"
# attribute NUMBER: its value as sg_read_attr shows it.
attribute() {
    sg_read_attr --first="$1" --filter="$1" "$sg" | sed -n 's/.*: *//p' | sed 's/ *$//'
}
shows "all of them" "Medium serial number" sg_read_attr "$sg"
same "barcode" CAP001L5 "$(attribute 0x806)"
same "loads" 1 "$(attribute 0x3)"
same "manufacturer" CAPSTAN "$(attribute 0x400)"
shows "what could be" "Application vendor" sg_read_attr --sa=5 "$sg"
check "the partitions" sg_read_attr --sa=3 "$sg"
refuses "no application was here" "Illegal request" sg_read_attr --first=0x800 "$sg"
printf '\0\0\0\15\10\0\1\0\10BACKUP  ' >list
check "an application leaves its name" sg_raw --send=17 --infile=list "$sg" 8d 01 00 00 00 00 00 00 00 00 00 00 00 11 00 00
same "it is read" BACKUP "$(attribute 0x800)"
printf '\0\0\0\6\4\10\0\0\1\200' >list
refuses "nobody makes a WORM cartridge so" "[Pp]arameter list" sg_raw --send=10 --infile=list "$sg" 8d 01 00 00 00 00 00 00 00 00 00 00 00 0a 00 00
reference=$(attribute 0x9)
check "the daemon is killed" host kill9
check "and starts again" host start
until_true 60 sg_turs "$sg"
same "the name is there" BACKUP "$(attribute 0x800)"
same "the volume change reference is as it was" "$reference" "$(attribute 0x9)"
check "rewind" mt -f "$nst" rewind
check "write" dd if=text of="$nst" bs=64k count=1 status=none
check "it has changed" test "$(attribute 0x9)" != "$reference"

note "the cartridge takes it along"
check "unload" mt -f "$nst" offline
check "back to its slot" mtx -f "$CHANGER" unload 1 0
shows "capstan shows what it was used for" "Used by +BACKUP" host capstan tape show CAP001L5
shows "and how often it was loaded" "Loads +2" host capstan tape show CAP001L5
nst=$(drive 2)
sg=$(sg "$nst")
check "into another drive" mtx -f "$CHANGER" load 1 1
until_true 10 sg_turs "$sg"
same "loads" 3 "$(attribute 0x3)"
same "the name" BACKUP "$(attribute 0x800)"
shows "and for programs" '"loads": 3' host capstan tape show CAP001L5 --json
check "logout" log_out
