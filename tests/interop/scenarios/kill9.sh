# The daemon is killed right after each command that promises durability; nothing is lost.
# timeout: 300
# shellcheck shell=bash

connect
nst=$(drive 1)
status() { mtx -f "$CHANGER" status; }

# crash CLAIM: kill -9, start, and wait until the initiator has its sessions back.
crash() {
    host kill9
    check "$1: the gateway starts again" host start || give_up
    check "$1: the initiator recovers" until_true 60 recovered || give_up
}

# No command goes to a device here: the first one after the restart is told of the power-on, and that
# must be the tape driver. Otherwise it would write on, at the beginning of the tape.
recovered() {
    [ "$(iscsiadm -m session -P 1 | grep -c 'iSCSI Connection State: LOGGED IN')" = 5 ] &&
        [ "$(iscsiadm -m session -P 1 | grep -c 'Internal iscsid Session State: NO CHANGE')" = 5 ]
}

# holds CLAIM ARCHIVE…: from the beginning of the tape there are exactly these archives.
holds() {
    local claim=$1 archive
    shift
    check "$claim: rewind" mt -f "$nst" rewind
    for archive in "$@"; do
        check "$claim: $archive is as it was" tar -df "$nst" "$archive"
        check "$claim: its filemark" mt -f "$nst" fsf 1
    done
    mt -f "$nst" eod
    same "$claim: nothing else" $# "$(file_number "$nst")"
}

for archive in one two three four five; do
    sample $archive 2
done

note "MOVE MEDIUM"
check "load" mtx -f "$CHANGER" load 1 0 && crash "after a load"
shows "after a load: it is in the drive" "^Data Transfer Element 0:Full \(Storage Element 1 Loaded\):VolumeTag = CAP001L5" status
check "transfer" mtx -f "$CHANGER" transfer 3 22 && crash "after a transfer"
shows "after a transfer: it has moved" "Storage Element 22:Full :VolumeTag=CAP003L5" status
shows "after a transfer: the drive still has its own" "^Data Transfer Element 0:Full .*CAP001L5" status

note "WRITE FILEMARKS"
check "an archive" tar -cf "$nst" one && crash "after closing nst"
holds "after closing nst" one
check "another behind it" tar -cf "$nst" two && crash "after the second"
holds "after the second" one two
check "two more marks" mt -f "$nst" weof 2 && crash "after weof"
mt -f "$nst" rewind
mt -f "$nst" eod
same "after weof: four files" 4 "$(file_number "$nst")"

note "REWIND"
mt -f "$nst" asf 2
check "an archive over those marks" tar -cf "$nst" three
check "rewind" mt -f "$nst" rewind && crash "after rewind"
holds "after rewind" one two three
check "back to the beginning" mt -f "$nst" rewind
check "an archive on the rewinding device" tar -cf "$(rewinding_drive 1)" four && crash "after closing st"
holds "after closing st, which had rewound" four

note "UNLOAD"
check "an archive" tar -cf "$nst" five
check "offline" mt -f "$nst" offline && crash "after offline"
shows "after offline: the cartridge is still in the drive" "^Data Transfer Element 0:Full .*CAP001L5" status
check "to its slot" mtx -f "$CHANGER" unload 1 0
check "and back" mtx -f "$CHANGER" load 1 0
holds "after offline" four five
check "to its slot, by the robot alone" mtx -f "$CHANGER" unload 1 0 && crash "after unload"
shows "after unload: it is in its slot" "Storage Element 1:Full :VolumeTag=CAP001L5" status
shows "after unload: the drive is empty" "^Data Transfer Element 0:Empty" status
check "load" mtx -f "$CHANGER" load 1 0
holds "after unload" four five

note "between two writes"
# st before Linux 6.6 does not take a power-on for a lost position: after the error it closes the
# device with a filemark, wherever the tape stands. At its beginning that would be the end of all.
head -c 8M /dev/urandom >stream
exec 3>"$nst"
dd if=stream bs=64k count=16 status=none >&3
crash "between two writes"
write_on() { dd if=stream bs=64k count=16 status=none >&3; }
refuses "between two writes: the writer is told" "Input/output error" write_on
exec 3>&-
holds "between two writes" four five
mt -f "$nst" asf 2

note "in the middle of a write"
endless() { while cat stream; do :; done; }
{ endless | dd of="$nst" bs=64k iflag=fullblock status=none; } 2>/dev/null &
sleep 1
crash "in mid-write"
wait
mt -f "$nst" rewind
check "in mid-write: the archives before it" tar -df "$nst" four
mt -f "$nst" asf 1
check "in mid-write: both" tar -df "$nst" five
mt -f "$nst" asf 2
dd if="$nst" of=torn bs=64k status=none 2>/dev/null
torn=$(stat -c %s torn)
note "$torn bytes of an endless write are on the tape"
starts_with() { endless 2>/dev/null | cmp -n "$torn" - torn; }
check "in mid-write: what there is of it is right" starts_with
mt -f "$nst" asf 2
check "in mid-write: the tape takes the archive again" tar -cf "$nst" one
holds "in mid-write" four five one

note "SIGTERM while sessions are open"
check "the gateway ends within five seconds" host stop
check "it starts again" host start
check "the initiator recovers" until_true 60 recovered
holds "after SIGTERM" four five one
check "logout" log_out
