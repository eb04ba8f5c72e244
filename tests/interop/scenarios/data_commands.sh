# Both ways, by place and by mark, verified and protected: the data commands as sg3_utils sends them.
# timeout: 180
# shellcheck shell=bash

connect
nst=$(drive 1)
sg=$(sg "$nst")
check "load" mtx -f "$CHANGER" load 1 0 || give_up
for block in a b c d; do head -c 5000 /dev/urandom >$block; done
head -c 700 /dev/urandom >short

# read BYTES FILE CDB…, write BYTES FILE CDB…, plain CDB…
read_to() { sg_raw -r "$1" -o "$2" "$sg" "${@:3}"; }
write_from() { sg_raw -s "$1" -i "$2" "$sg" "${@:3}"; }
plain() { sg_raw "$sg" "$@"; }
# position: LOGICAL OBJECT NUMBER of READ POSITION, short form.
position() {
    sg_raw -r 20 -o position.bin "$sg" 34 00 00 00 00 00 00 00 00 00 >position.log 2>&1 &&
        od -An -tu1 -j4 -N4 position.bin | awk '{print (($1 * 256 + $2) * 256 + $3) * 256 + $4}'
}
reversed() { /usr/bin/python3 -c 'import sys; sys.stdout.buffer.write(open(sys.argv[1], "rb").read()[::-1])' "$1"; }

note "blocks a and b, a mark, block c, two marks, a short block: objects 0 to 6, end of data 7"
check "rewind" mt -f "$nst" rewind
check "WRITE(6) a" write_from 5000 a 0a 00 00 13 88 00
check "WRITE(16) b behind it" write_from 5000 b 8a 00 00 00 00 00 00 00 00 00 00 01 00 13 88 00
check "WRITE FILEMARKS(16)" plain 80 00 00 00 00 00 00 00 00 00 00 02 00 00 01 00
check "WRITE(6) c" write_from 5000 c 0a 00 00 13 88 00
check "WRITE FILEMARKS(6), two" plain 10 00 00 00 02 00
check "WRITE(6) the short block" write_from 700 short 0a 00 00 02 bc 00
same "the position counts seven" 7 "$(position)"
refuses "WRITE(16) that does not continue there" "Command sequence error" \
    write_from 5000 d 8a 00 00 00 00 00 00 00 00 00 00 03 00 13 88 00
same "  wrote nothing" 7 "$(position)"

note "READ(16) goes where it says"
check "READ(16) of object 3" read_to 5000 back 88 00 00 00 00 00 00 00 00 00 00 03 00 13 88 00
check "  is c" cmp back c
check "READ(16) of object 0" read_to 5000 back 88 00 00 00 00 00 00 00 00 00 00 00 00 13 88 00
check "  is a" cmp back a
refuses "READ(16) of object 99" "Locate operation failure" \
    read_to 5000 back 88 00 00 00 00 00 00 00 00 00 00 63 00 13 88 00
same "  ends at the end of data" 7 "$(position)"

note "READ REVERSE"
check "READ REVERSE(6), BYTORD" read_to 700 back 0f 04 00 02 bc 00
check "  is the short block" cmp back short
same "  and the position is before it" 6 "$(position)"
refuses "a filemark stops it" "Filemark detected" read_to 5000 back 0f 04 00 13 88 00
same "  before the mark" 5 "$(position)"
check "READ REVERSE(16) from object 2" \
    read_to 5000 back 81 00 00 00 00 00 00 00 00 00 00 02 00 13 88 00
reversed b >expected
check "  is b with its last byte first" cmp back expected
check "READ REVERSE(6) of a" read_to 5000 back 0f 04 00 13 88 00
refuses "the beginning of the partition" "Beginning-of-partition" read_to 5000 back 0f 04 00 13 88 00
same "  is object 0" 0 "$(position)"

note "SPACE"
check "SPACE to two filemarks in a row" plain 11 02 00 00 02 00
same "  passes the one that stands alone" 6 "$(position)"
check "SPACE(16) back to them" plain 91 02 00 00 ff ff ff ff ff ff ff fe 00 00 00 00
same "  ends before both" 4 "$(position)"
refuses "three in a row there are not" "End-of-data detected" plain 11 02 00 00 03 00
refuses "setmarks there are not" "Invalid field in cdb" plain 11 04 00 00 01 00
refuses "SPACE back over the beginning" "Beginning-of-partition" plain 11 01 ff ff 00 00
same "  ends there" 0 "$(position)"

note "VERIFY"
check "VERIFY(6) of one block" plain 13 00 00 13 88 00
refuses "VERIFY(6) of another length" "ILI" plain 13 00 00 13 00 00
same "  is behind the block all the same" 2 "$(position)"
check "VERIFY(6) by filemarks" plain 13 08 00 00 03 00
same "  three of them" 6 "$(position)"
check "VERIFY(16) to the end of data, from object 1" \
    plain 8f 20 00 00 00 00 00 00 00 00 00 01 00 00 00 00
same "  is there" 7 "$(position)"
check "VERIFY(16) compares c" write_from 5000 c 8f 02 00 00 00 00 00 00 00 00 00 03 00 13 88 00
refuses "  and finds it different from d" "Miscompare" \
    write_from 5000 d 8f 02 00 00 00 00 00 00 00 00 00 03 00 13 88 00

note "logical block protection: the Reed-Solomon CRC, made by somebody else's arithmetic"
cat >protect.py <<'PYTHON'
# Long division over GF(256) by x^4 + a^201 x^3 + a^246 x^2 + a^201 x + 1 (ECMA-319).
import sys

power = [1]
while len(power) < 255:
    power.append(power[-1] << 1 ^ (0x11D if power[-1] & 0x80 else 0))
log = {value: exponent for exponent, value in enumerate(power)}
rest = [0, 0, 0, 0]
block = open(sys.argv[1], "rb").read()
for byte in block:
    first = byte ^ rest[0]
    add = [power[(log[first] + e) % 255] for e in (201, 246, 201, 0)] if first else [0] * 4
    rest = [a ^ b for a, b in zip(rest[1:] + [0], add)]
sys.stdout.buffer.write(block + bytes(rest))
PYTHON
for block in a d; do /usr/bin/python3 protect.py $block >$block.protected; done
# page METHOD LENGTH FLAGS: mode page 0Ah/F0h for MODE SELECT(10), with its header.
page() {
    printf '\0\0\0\x10\0\0\0\0\x4a\xf0\0\x1c'"\\x$1\\x$2\\x$3" >page.bin
    head -c 25 /dev/zero >>page.bin
    sg_raw -s 40 -i page.bin "$sg" 55 10 00 00 00 00 00 00 28 00
}
sense_page() { sg_raw -r 40 "$sg" 5a 08 0a f0 00 00 00 00 28 00; }
shows "the drive has the page, off" "4a f0 00 1c 00 00 00" sense_page
refuses "CRC32C came with LTO-7" "Invalid field in parameter list" page 02 04 c0
check "the Reed-Solomon CRC is there" page 01 04 c0
shows "  and on" "4a f0 00 1c 01 04 c0" sense_page
check "rewind" mt -f "$nst" rewind
check "READ makes protection information" read_to 5004 back 08 00 00 13 8c 00
check "  and it is right" cmp back a.protected
check "SPACE to the end of data" plain 11 03 00 00 00 00
check "WRITE of a protected block" write_from 5004 d.protected 0a 00 00 13 8c 00
same "  is accepted" 8 "$(position)"
cp a.protected wrong
printf '\xff' | dd of=wrong bs=1 seek=1234 conv=notrunc status=none
refuses "WRITE of a block that changed on its way" "Logical block guard check failed" \
    write_from 5004 wrong 0a 00 00 13 8c 00
refuses "WRITE of one without protection" "Logical block guard check failed" \
    write_from 5000 b 0a 00 00 13 88 00
same "  were not accepted" 8 "$(position)"
check "VERIFY(6) with VLBPM, by length" plain 8f 10 00 00 00 00 00 00 00 00 00 07 00 13 8c 00
check "off again" page 00 00 00
check "READ(16) of the block" read_to 5000 back 88 00 00 00 00 00 00 00 00 00 00 07 00 13 88 00
check "  has what was protected and no more" cmp back d

note "ERASE"
check "ERASE(16) from object 4" plain 93 09 00 00 00 00 00 00 00 00 00 04 00 00 00 00
refuses "nothing lies behind it" "End-of-data detected" read_to 5000 back 08 00 00 13 88 00
shows "READ BLOCK LIMITS: the highest object" "00 00 00 00 40 00 00 00 " \
    sg_raw -r 20 "$sg" 05 01 00 00 00 00
refuses "RECOVER BUFFERED DATA is not there" "Invalid command operation code" \
    plain 14 00 00 00 00 00
check "rewind" mt -f "$nst" rewind
check "unload" mtx -f "$CHANGER" unload 1 0
check "logout" log_out
