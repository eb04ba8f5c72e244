# Bacula's btape fills tapes to their end, one and two through the robot, and finds the last block.
# timeout: 240
# shellcheck shell=bash

# btape reads 10000 records back before it looks at the end, so a tape must hold more than 328 MB.
# Its data compresses to a sixth.
check "two small tapes" host capstan tape create --barcode SMALL1L5 --barcode SMALL2L5 --size 64MiB || give_up
connect
. "$CAPSTAN_INTEROP/guest/bacula.sh"
nst=$(drive 1)
status() { mtx -f "$CHANGER" status; }
# btape takes the tapes in slots 1 and 2.
for slot in 1 2; do
    check "slot $slot is freed" mtx -f "$CHANGER" transfer $slot $((slot + 22))
    check "a small tape goes there" mtx -f "$CHANGER" transfer $((slot + 20)) $slot
done
shows "slot 1" "Storage Element 1:Full :VolumeTag=SMALL1L5" status || give_up
shows "slot 2" "Storage Element 2:Full :VolumeTag=SMALL2L5" status || give_up
check "load" mtx -f "$CHANGER" load 1 0 || give_up

# An empty line where btape asks for Return.
check "btape fill, one tape" btape "$nst" fill s ''
said "the drive backs over the end to the last block" 'Re-read of last block succeeded'
said "the last block is found by its position" 'The last block on the tape matches. Test succeeded'

check "btape fill, two tapes" btape "$nst" fill m ''
said "the first tape's last block" 'The last block of the first tape matches'
said "the second tape's first block" 'The first block on the second tape matches'
said "the second tape's last block" 'The last block on the second tape matches. Test succeeded'
check "logout" log_out
