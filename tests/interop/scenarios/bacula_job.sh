# Bacula, all of it: volumes labelled by barcode, a backup over two tapes, an incremental, a restore.
# timeout: 420
# memory: 1G
# shellcheck shell=bash

tables=/usr/share/dbconfig-common/data/bacula-director-sqlite3/install/sqlite3
for file in /usr/sbin/bacula-dir /usr/sbin/bacula-fd /usr/sbin/bconsole /usr/bin/sqlite3 "$tables"; do
    check "$file is installed" test -e "$file" || give_up
done
check "two small tapes" host capstan tape create --barcode SMALL1L5 --barcode SMALL2L5 --size 48MiB || give_up
connect
. "$CAPSTAN_INTEROP/guest/bacula.sh"
nst=$(drive 1)

# The configuration
mkdir -p dir sd fd restored
: >query.sql
cat >bacula-dir.conf <<CONF
Director {
  Name = dir; Password = console; Messages = Standard; DirAddress = 10.99.0.2
  Working Directory = $PWD/dir; Pid Directory = $PWD/dir; Query File = $PWD/query.sql
}
Catalog { Name = Catalog; dbname = bacula; dbuser = ""; dbpassword = "" }
Messages { Name = Standard; console = all; catalog = all; append = "$PWD/messages" = all }
Pool { Name = Default; Pool Type = Backup }
Client { Name = fd; Address = client; Password = files; Catalog = Catalog }
Autochanger {
  Name = Robot; Address = client; Password = storage; Device = Robot; Media Type = LTO-5
  Autochanger = Robot
}
FileSet { Name = Tree; Include { Options { signature = SHA256 }; File = $PWD/tree } }
JobDefs {
  Name = All; Client = fd; FileSet = Tree; Storage = Robot; Pool = Default; Messages = Standard
}
Job { Name = Backup; JobDefs = All; Type = Backup; Level = Full }
Job { Name = Restore; JobDefs = All; Type = Restore; Where = $PWD/restored }
CONF
cat >bacula-sd.conf <<CONF
Storage { Name = sd; SDAddress = 10.99.0.2; Working Directory = $PWD/sd; Pid Directory = $PWD/sd }
Director { Name = dir; Password = storage }
Messages { Name = Standard; director = dir = all }
$(robot "$nst")
CONF
cat >bacula-fd.conf <<CONF
FileDaemon { Name = fd; FDAddress = 10.99.0.2; Working Directory = $PWD/fd; Pid Directory = $PWD/fd }
Director { Name = dir; Password = files }
Messages { Name = Standard; director = dir = all }
CONF
echo 'Director { Name = dir; Address = client; Password = console }' >bconsole.conf

# console LINE…: typed into bconsole, which waits for the jobs and shows their reports.
console() {
    printf '%s\n' "$@" wait messages quit | timeout 200 bconsole -c "$PWD/bconsole.conf"
}

listens() { ss -tln | grep -q ":$1 "; }
make_catalogue() { sqlite3 dir/bacula.db <"$tables"; }
serve_storage() {
    bacula-sd -c "$PWD/bacula-sd.conf" && until_true 20 listens 9103
}

check "the catalogue is made" make_catalogue
check "the storage daemon starts" serve_storage || give_up
check "the file daemon starts" bacula-fd -c "$PWD/bacula-fd.conf" || give_up
check "the director starts" bacula-dir -c "$PWD/bacula-dir.conf" || give_up
check "the director listens" until_true 20 listens 9101 || give_up

sample tree 60
check "label by barcode" console "label barcodes storage=Robot pool=Default slots=21,22 drive=0" yes
said "the first volume is labelled" '^3000 OK label\..*Volume="SMALL1L5"'
said "the second volume is labelled" '^3000 OK label\..*Volume="SMALL2L5"'
check "back up 60 MB" console "run job=Backup yes"
said "the job ends well" 'Termination: +Backup OK$'
# The one that is loaded comes first.
said "over both volumes" 'Volume name\(s\): +SMALL2L5\|SMALL1L5$'
said "the last block of the full tape was looked at" 'Re-read of last block succeeded'

note "an incremental, by a storage daemon that has to find the end of the tape first"
check "the storage daemon ends" kill "$(cat sd/bacula-sd.9103.pid)"
check "it has ended" until_true 20 eval '! listens 9103'
check "it starts again" serve_storage || give_up
seq 1 50000 >tree/sub/new
date >>tree/sub/date
check "back up what is new" console "run job=Backup level=Incremental yes"
said "the job ends well" 'Termination: +Backup OK$'
said "it appends to the volume that is loaded" 'Ready to append to end of Volume "SMALL1L5"'
said "and to no other" 'Volume name\(s\): +SMALL1L5$'

note "restore"
check "the tree as it is now" console "restore client=fd storage=Robot select current all done yes"
said "the job ends well" 'Termination: +Restore OK$'
check "it is as it was" diff -r --no-dereference tree "restored$PWD/tree"
check "one file of the first backup" console \
    "restore client=fd storage=Robot jobid=1 where=$PWD/one file=$PWD/tree/sub/numbers done yes"
said "the job ends well" 'Termination: +Restore OK$'
check "it is as it was" cmp tree/sub/numbers "one$PWD/tree/sub/numbers"
lacks "no daemon complained" '(Error|Warning):' cat messages
check "the storage daemon lets go of the drive" kill "$(cat sd/bacula-sd.9103.pid)"
check "it has ended" until_true 20 eval '! listens 9103'
check "logout" log_out
