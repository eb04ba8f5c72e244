# Amanda with its own robot driver: label, a dump over two tapes, an incremental, restore, and the tape's measure.
# timeout: 300
# memory: 1G
# shellcheck shell=bash

check "small tapes" host capstan tape create --barcode SMALL1L5 --barcode SMALL2L5 --barcode SMALL3L5 \
    --barcode SMALL4L5 --size 64MiB || give_up
connect

# Amanda runs as the user `backup`, whom Debian's udev rules let use tape drives and changers.
mkdir -p amanda/{curinfo,index,log,holding,temporary} /etc/amanda/Daily /var/lib/amanda/gnutar-lists
ln -sfn "$PWD/amanda" /var/amanda
: >amanda/tapelist
cat >/etc/amanda/Daily/amanda.conf <<CONF
org "Daily"
mailto ""
dumpuser "backup"
infofile "$PWD/amanda/curinfo"
indexdir "$PWD/amanda/index"
logdir "$PWD/amanda/log"
tapelist "$PWD/amanda/tapelist"
dumpcycle 7 days
runspercycle 1
tapecycle 4 tapes
runtapes 2
tapetype small
tpchanger "robot"
labelstr "^SMALL[0-9]L5$"
define changer robot {
  tpchanger "chg-robot:$(readlink -f "$CHANGER")"
  changerfile "$PWD/amanda/robot-state"
  property "tape-device" "0=tape:$(readlink -f "$(drive 1)")" "1=tape:$(readlink -f "$(drive 2)")"
  property "use-slots" "21-24"
  property "status-interval" "1s"
  property "load-poll" "0s poll 1s until 30s"
}
define tapetype small {
  length 60 mbytes
  filemark 0 kbytes
  part_size 16 mbytes
  part_cache_type memory
}
define application-tool tar {
  plugin "amgtar"
}
define dumptype tree {
  auth "local"
  program "APPLICATION"
  application "tar"
  compress none
  index yes
  holdingdisk never
}
CONF
echo "localhost $PWD/tree tree" >/etc/amanda/Daily/disklist
chown -R backup:backup amanda /etc/amanda /var/lib/amanda
chmod -R u=rwX,g=rX,o= /etc/amanda
chmod 755 . /run/work

# as_backup COMMAND…: as Amanda's user, for 200 seconds at most.
as_backup() {
    timeout 200 runuser -u backup -- env PATH="$PATH" "$@"
}

# dump: runs amdump. Now and then Amanda 3.5.1's planner ends before it has read its own client's answer
# ("hmm, disk was stranded on waitq"), and dumps nothing at all; then, and only then, again.
dump() {
    as_backup amdump Daily && return
    as_backup amreport Daily | grep 'stranded on waitq' >>"$TRANSCRIPT" || return
    note "Amanda's planner lost its client's answer; once more"
    as_backup amdump Daily
}

note "the robot"
shows "Amanda sees the tape in its slot" 'slot 21: .*barcode SMALL1L5' as_backup amtape Daily inventory || give_up
for slot in 21 22 23 24; do
    check "the tape in slot $slot is labelled" as_backup amlabel Daily "SMALL$((slot - 20))L5" slot $slot || give_up
done
shows "and known by its label" 'slot 22: .*label SMALL2L5' as_backup amtape Daily inventory
shows "amcheck finds nothing wrong on the server" 'Server check took' as_backup amcheck -s Daily

note "a dump of 90 MB over tapes of 64"
sample tree 90
chmod -R a+rX tree
chown -R backup:backup tree
check "dump" dump
shows "to both tapes" 'These dumps were to tapes? .*SMALL[123]L5.*SMALL[123]L5' as_backup amreport Daily
lacks "without a failure" 'FAILED|FAILURE|STRANGE' as_backup amreport Daily

note "what is new"
seq 1 50000 >tree/sub/new
date >>tree/sub/date
chown backup:backup tree/sub/new
check "an incremental dump" dump
lacks "without a failure" 'FAILED|FAILURE|STRANGE' as_backup amreport Daily

note "restore"
mkdir full
chown backup:backup full
# fetch LEVEL: the dumps of that level, in the directory full, without asking.
fetch() {
    (cd full && as_backup amfetchdump -a -d robot Daily localhost "$OLDPWD/tree")
}
check "Amanda fetches its dumps" fetch
ls -l full >>"$TRANSCRIPT"
full=$(find full -name '*.0' | head -n 1)
incremental=$(find full -name '*.1' | head -n 1)
check "the full one is there" test -s "$full" || give_up
mkdir restored
check "it is a tar" tar --extract --listed-incremental=/dev/null --directory restored --file "$full"
check "the incremental one on top" tar --extract --listed-incremental=/dev/null --directory restored --file "$incremental"
check "all is as it was" diff -r --no-dereference tree restored

note "the measure of a tape, by Amanda's own program, in a drive that the robot driver leaves alone"
check "one more tape" host capstan tape create --barcode MEASU1L5 --size 64MiB
slot=$(mtx -f "$CHANGER" status | sed -n 's/.*Element \([0-9]*\):.*MEASU1L5.*/\1/p')
check "it is loaded" mtx -f "$CHANGER" load "$slot" 2 || give_up
nst=$(readlink -f "$(drive 3)")
# 64 MiB, less the distance of early warning. LEOM is what Amanda cannot see with Linux's st: it takes
# the first ENOSPC for the end.
shows "as long as it is up to early warning" 'length 5[0-9]{4} kbytes' as_backup amtapetype -f Daily "tape:$nst"
check "logout" log_out
