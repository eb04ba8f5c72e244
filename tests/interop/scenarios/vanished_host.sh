# A host loses its network in the middle of a write, without a word: within 45 s nothing of it is left.
# serve: --listen 10.99.0.1:3260
# timeout: 200
# shellcheck shell=bash

REAPED_SECONDS=45
PORTAL=10.99.0.1:3260
connect
nst=$(drive 1)
check "load" mtx -f "$CHANGER" load 1 0 || give_up
check "the drive is ready" mt -f "$nst" status
check "lock the cartridge in" sg_prevent "$(sg "$nst")"
refuses "the gateway does not let go of it" "prevents medium removal" host capstan drive unload 0
sessions() { host capstan status --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["sessions"]))'; }
same "sessions" 5 "$(sessions)"

note "the cable is pulled while a stream of writes is on its way"
{ dd if=/dev/zero of="$nst" bs=256k; } >/dev/null 2>&1 &
writer=$!
written() { [ "$(host capstan status --json | python3 -c 'import json, sys
drives = json.load(sys.stdin)["libraries"][0]["drives"]; print(drives[0]["tape"]["position"]["block"] > 100)')" = True ]; }
check "the drive has taken a hundred blocks" until_true 20 written
ip link set vec0 down
SECONDS=0
gone() { [ "$(sessions)" = 0 ]; }
check "all sessions are gone" until_true $REAPED_SECONDS gone
note "  after $SECONDS s"
check "the gateway lets go of the cartridge" host capstan drive unload 0
shows "the log says why" "session lost" host sh 'cat ../gateway.log'

note "the cable is put back"
ip link set vec0 up
ip route replace 127.0.0.1 via 10.99.0.1
logged_in() { [ "$(iscsiadm -m session -P 1 | grep -c 'iSCSI Connection State: LOGGED IN')" = 5 ]; }
check "the initiator comes back to all targets" until_true 60 logged_in || give_up
kill $writer 2>/dev/null
wait $writer
check "the library can be used" until_true 20 mtx -f "$CHANGER" load 1 0
check "the drive can be used" until_true 20 mt -f "$nst" rewind
check "logout" log_out
