# Bacula's btape, which is strict with positions: read back, reposition, append, space, change tapes.
# timeout: 240
# shellcheck shell=bash

connect
. "$CAPSTAN_INTEROP/guest/bacula.sh"
nst=$(drive 1)
check "load" mtx -f "$CHANGER" load 1 0 || give_up

# scan FROM TO: what btape found on the tape, or what it shows as correct.
scan() {
    sed -n "/$1/,/$2/p" <<<"$OUTPUT" | grep -E '^([0-9]+ blocks? of|End of File|Total files)'
}

check "btape test" btape "$nst" test y
same "20000 blocks are read again, and found by position" 2 \
    "$(grep -c '^=== Test Succeeded. End Write, rewind, and re-read test' <<<"$OUTPUT")"
same "every file number is right" 6 "$(grep -c 'This is correct!' <<<"$OUTPUT")"
same "and none is wrong" 0 "$(grep -c 'NOT correct' <<<"$OUTPUT")"
sample=$(scan 'Sample correct output' 'End sample')
same "what was appended is where it belongs" \
    "${sample:-a correct sample}" "$(scan 'Doing Bacula scan' 'End scanning')"
said "the last block is read after backing over a mark" 'Block re-read correct. Test succeeded!'
said "the robot unloads and loads" 'The test autochanger worked!!'
check "logout" log_out
