# A small tape runs full: early warning, room for the last marks, and an archive over two tapes.
# timeout: 180
# shellcheck shell=bash

check "two small tapes" host capstan tape create --barcode SMALL1L5 --barcode SMALL2L5 --size 16MiB || give_up
connect
nst=$(drive 1)
status() { mtx -f "$CHANGER" status; }
# slot BARCODE: where mtx sees it.
slot() { status | sed -n "s/.*Storage Element \([0-9]*\).*VolumeTag=$1.*/\1/p"; }

first=$(slot SMALL1L5)
second=$(slot SMALL2L5)
check "they are in slots $first and $second" test -n "$first" -a -n "$second" || give_up
check "load" mtx -f "$CHANGER" load "$first" 0 || give_up

head -c 24M /dev/urandom >long
refuses "24 MiB do not fit" "No space left on device" dd if=long of="$nst" bs=64k
blocks=$(sed -n 's/^\([0-9]*\)+[01] records out$/\1/p' <<<"$OUTPUT")
note "$blocks blocks of 64 KiB fit into 16 MiB"
check "most of the capacity was used" test "$((blocks * 65536))" -gt $((12 << 20))
check "and not more than there is" test "$((blocks * 65536))" -le $((17 << 20))
check "the drive took a mark after the warning: rewind" mt -f "$nst" rewind
dd if="$nst" of=back bs=64k status=none
same "every block that was accepted is there" $((blocks * 65536)) "$(stat -c %s back)"
check "  and right" cmp -n $((blocks * 65536)) back long
check "rewind" mt -f "$nst" rewind

note "tar over two tapes"
mkdir many
for part in 1 2 3 4; do head -c 5M /dev/urandom >many/$part; done
# What tar runs at the end of a volume: the second tape instead of the first, or back.
cat >change <<CHANGE
#!/bin/sh
mt -f $nst offline
if [ \$TAR_VOLUME = 2 ]; then set -- $first $second; else set -- $second $first; fi
mtx -f $CHANGER unload \$1 0 && mtx -f $CHANGER load \$2 0
CHANGE
chmod +x change
check "20 MiB onto tapes of 16" tar -c -M -F "$PWD/change" -f "$nst" many
check "the second tape out" mtx -f "$CHANGER" unload "$second" 0
check "the first tape in" mtx -f "$CHANGER" load "$first" 0
mkdir restored
check "restore from both" tar -C restored -x -M -F "$PWD/change" -f "$nst"
check "it is as it was" diff -r many restored/many
check "unload" mtx -f "$CHANGER" unload "$second" 0
check "logout" log_out
