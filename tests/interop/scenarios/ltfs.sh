# LTFS, the reference implementation: format, mount, copy, unmount, check, mount on another drive, compare.
# by hand
# It needs LTFS in /opt/ltfs; docs/ltfs.md tells how to build it.
# timeout: 420
# memory: 1G
# shellcheck shell=bash

export PATH=/opt/ltfs/bin:$PATH LD_LIBRARY_PATH=/opt/ltfs/lib
for program in mkltfs ltfs ltfsck; do
    check "$program is there" test -x "/opt/ltfs/bin/$program" || give_up
done
check "the kernel has FUSE" modprobe fuse
check "a small tape" host capstan tape create --barcode LTFS01L5 --size 2GiB || give_up
connect
sg=$(sg "$(drive 1)")
other=$(sg "$(drive 2)")
mkdir mount

# mount_ltfs DEVICE, unmount_ltfs: the file system in directory `mount`; LTFS writes its index when it ends.
mount_ltfs() {
    timeout 120 ltfs -o devname="$1" mount && until_true 20 mountpoint -q mount
}
unmount_ltfs() {
    umount mount && until_true 90 eval '! pidof ltfs'
}

# is_consistent DEVICE: ltfsck ends with 1, "corrected", whenever it had nothing to complain about.
is_consistent() {
    timeout 120 ltfsck "$1"
    [ $? -le 1 ]
}

slot=$(mtx -f "$CHANGER" status | sed -n 's/.*Element \([0-9]*\):.*LTFS01L5.*/\1/p')
check "load" mtx -f "$CHANGER" load "$slot" 0 || give_up
check "mkltfs" timeout 200 mkltfs --device="$sg" --tape-serial=LTFS01 --volume-name=first || give_up
shows "ltfsck finds it consistent" 'Volume is consistent' is_consistent "$sg"
check "mount" mount_ltfs "$sg" || give_up
sample tree 48
check "copy" cp -a tree mount/
check "compare while mounted" diff -r --no-dereference tree mount/tree
check "unmount" unmount_ltfs
shows "ltfsck finds it consistent" 'Volume is consistent' is_consistent "$sg"

note "the same tape in another drive, after the gateway was started anew"
check "unload" mtx -f "$CHANGER" unload "$slot" 0
check "the gateway starts anew" host restart
check "load into the second drive" until_true 30 mtx -f "$CHANGER" load "$slot" 1 || give_up
check "mount" mount_ltfs "$other" || give_up
check "all is there" diff -r --no-dereference tree mount/tree
check "remove and add" cp tree/sub/numbers mount/again
check "unmount" unmount_ltfs
check "mount once more" mount_ltfs "$other"
check "what was added is there" cmp tree/sub/numbers mount/again
check "unmount" unmount_ltfs
check "logout" log_out
