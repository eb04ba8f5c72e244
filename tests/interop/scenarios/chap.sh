# Who may log in: names, networks, CHAP one way and both, every algorithm, and wrong secrets.
# serve: --config chap.toml
# the scenario starts the gateway
# timeout: 240
# shellcheck shell=bash

PORTAL=10.99.0.1:3260
right=one-way-secret-1
own=answer-secret-22

# write_configuration [LINE…]: the file that `--config` names; the lines belong to discovery.
write_configuration() {
    local file
    file=$(cat <<TOML
name = "lab"
[iscsi]
listen = ["10.99.0.1:3260"]
[iscsi.discovery]
$(printf '%s\n' "$@")
[[iscsi.access]]
targets = ["*-mediachanger"]
initiators = ["iqn.2026-11.example:client"]
chap = { user = "backup", secret_file = "right.secret" }
[[iscsi.access]]
targets = ["*-tapedrive-01"]
chap = { user = "backup", secret_file = "right.secret" }
mutual_chap = { user = "capstan", secret_file = "own.secret" }
[[iscsi.access]]
targets = ["*-tapedrive-02"]
initiators = ["iqn.2026-11.example:somebody-else"]
[[iscsi.access]]
targets = ["*-tapedrive-03"]
networks = ["192.0.2.0/24"]
[[iscsi.access]]
targets = ["*-tapedrive-04"]
initiators = ["iqn.2026-11.example:*"]
networks = ["10.99.0.0/24"]
TOML
    )
    host sh "umask 077; echo $right >right.secret; echo $own >own.secret; cat >chap.toml <<'END'
$file
END"
}

target() {
    echo "iqn.2026-11.io.capstan:lab-$1"
}

# set_auth TARGET KEY VALUE…: keys below node.session.auth.
set_auth() {
    local target=$1
    shift
    while [ $# -gt 0 ]; do
        iscsiadm -m node -T "$target" -p "$PORTAL" -o update -n "node.session.auth.$1" -v "$2" || return
        shift 2
    done
}

login() {
    iscsiadm -m node -T "$1" -p "$PORTAL" --login
}

logout() {
    iscsiadm -m node -T "$1" -p "$PORTAL" --logout
}

check "the configuration is written" write_configuration || give_up
check "capstan accepts it" host capstan config check chap.toml
check "the gateway starts" host start || give_up

note "discovery shows only what this initiator may log in to"
shows "a target for its name" "lab-mediachanger$" discover || give_up
shows "a target for everybody with CHAP" "lab-tapedrive-01$" discover
shows "a target for its network" "lab-tapedrive-04$" discover
lacks "not the target of another name" "tapedrive-02" discover
lacks "not the target of another network" "tapedrive-03" discover
for number in 02 03; do
    hidden=$(target tapedrive-$number)
    iscsiadm -m node -o new -T "$hidden" -p "$PORTAL" >/dev/null
    refuses "a hidden target refuses login ($number)" "login failure|authorization failure|not found" login "$hidden"
    iscsiadm -m node -o delete -T "$hidden" -p "$PORTAL"
done
check "without CHAP where none is asked" login "$(target tapedrive-04)"

note "one way"
changer=$(target mediachanger)
refuses "no secret is refused" "authorization failure|login failure" login "$changer"
set_auth "$changer" authmethod CHAP username backup password wrong-secret-123
refuses "a wrong secret is refused" "authorization failure" login "$changer"
set_auth "$changer" username nobody password $right
refuses "a wrong name is refused" "authorization failure" login "$changer"
set_auth "$changer" username backup password $right
for algorithm in MD5 SHA1 SHA256 SHA3-256; do
    set_auth "$changer" chap_algs $algorithm
    check "the right secret is accepted: $algorithm" login "$changer"
    check "  and out again" logout "$changer"
done
set_auth "$changer" chap_algs SHA3-256,SHA256,SHA1,MD5
check "the right secret is accepted: the initiator offers all four" login "$changer"
udevadm settle
shows "the changer works" "28 Slots" mtx -f "$(changer)" status

note "both ways"
drive=$(target tapedrive-01)
set_auth "$drive" authmethod CHAP username backup password $right \
    username_in capstan password_in wrong-secret-456
refuses "the initiator refuses a target with another secret" "authorization failure|login failure" login "$drive"
set_auth "$drive" password_in $own
check "right secrets both ways are accepted" login "$drive"
udevadm settle
check "load" mtx -f "$(changer)" load 1 0
check "the drive works" tar -cf "$(drive 1)" /etc/hostname
set_auth "$drive" username_in '' password_in '' || true
check "logout" log_out

note "a secret for discovery"
host stop
write_configuration 'chap = { user = "finder", secret_file = "right.secret" }'
check "the gateway starts again" host start
rm -rf /var/lib/iscsi/*
refuses "discovery without the secret is refused" "authorization failure|login failure|[Dd]iscovery" discover
cat >>/etc/iscsi/iscsid.conf <<CONF
discovery.sendtargets.auth.authmethod = CHAP
discovery.sendtargets.auth.username = finder
discovery.sendtargets.auth.password = $right
CONF
shows "discovery with it is answered" "lab-mediachanger$" discover

note "a bad configuration"
host stop
write_configuration 'chapp = 1'
refuses "an unknown key names file, line and key" "chap\.toml.*chapp|chapp.*chap\.toml" \
    host sh 'capstan config check chap.toml 2>&1 | tr "\n" " "; exit ${PIPESTATUS[0]}'
refuses "and nothing starts" "chapp" host start
