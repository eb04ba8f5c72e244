# One GiB in a tar archive through the kernel's initiator, restored and compared, with times.
# by hand
# timeout: 1200
# shellcheck shell=bash

connect
nst=$(drive 1)
check "load" mtx -f "$CHANGER" load 1 0 || give_up
# Source and copy lie on the host: the guest has no disk for them.
check "1 GiB of files on the host" host sh 'mkdir -p "$EXCHANGE/source" "$EXCHANGE/restored" &&
    for file in 1 2 3 4; do head -c 256M /dev/urandom >"$EXCHANGE/source/$file" || exit; done'

timed() {
    local start end
    start=$(date +%s%N)
    "$@" || return
    end=$(date +%s%N)
    note "$(((end - start) / 1000000)) ms for 1 GiB: $*"
}

show_status() {
    sleep 3
    host capstan status | sed 's/^/# /'
}

show_status &
timed tar -C /mnt -c -b 512 -f "$nst" source
same "tar wrote one file" 1 "$(file_number "$nst")"
check "rewind" mt -f "$nst" rewind
timed tar -C /mnt/restored -x -b 512 -f "$nst"
check "what came back is what went in" host sh 'diff -r "$EXCHANGE/source" "$EXCHANGE/restored/source"'
check "logout" log_out
