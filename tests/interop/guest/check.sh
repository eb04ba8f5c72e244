# What scenarios are written with. Sourced by boot before the scenario.
#
# A check prints one line, `ok CLAIM` or `not ok CLAIM: detail`, and never ends the scenario; what
# must not fail for the rest to make sense is written `check … || give_up`.
# shellcheck shell=bash

PORTAL=127.0.0.1:3260
TRANSCRIPT=/mnt/transcript

# check CLAIM COMMAND…: the command succeeds. Its output is in $OUTPUT afterwards.
check() {
    local claim=$1
    shift
    attempt "$@" && pass "$claim" && return
    fail "$claim" "status $STATUS: $OUTPUT"
}

# shows CLAIM PATTERN COMMAND…: the command succeeds and a line of its output matches (grep -E).
shows() {
    local claim=$1 pattern=$2
    shift 2
    attempt "$@" && grep -qE -- "$pattern" <<<"$OUTPUT" && pass "$claim" && return
    fail "$claim" "status $STATUS, wanted /$pattern/: $OUTPUT"
}

# lacks CLAIM PATTERN COMMAND…: the command succeeds and no line of its output matches.
lacks() {
    local claim=$1 pattern=$2
    shift 2
    attempt "$@" && ! grep -qE -- "$pattern" <<<"$OUTPUT" && pass "$claim" && return
    fail "$claim" "status $STATUS, unwanted /$pattern/: $OUTPUT"
}

# refuses CLAIM PATTERN COMMAND…: the command fails and says what matches.
refuses() {
    local claim=$1 pattern=$2
    shift 2
    ! attempt "$@" && grep -qE -- "$pattern" <<<"$OUTPUT" && pass "$claim" && return
    fail "$claim" "status $STATUS, wanted a failure with /$pattern/: $OUTPUT"
}

# same CLAIM EXPECTED ACTUAL
same() {
    [ "$2" = "$3" ] && pass "$1" && return
    fail "$1" "wanted: $2, found: $3"
}

# attempt COMMAND…: runs it, keeps what it printed and how it ended in OUTPUT and STATUS.
attempt() {
    local start=$EPOCHREALTIME
    OUTPUT=$("$@" 2>&1 </dev/null)
    STATUS=$?
    local milliseconds=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
    {
        echo "$ $*"
        [ -z "$OUTPUT" ] || echo "$OUTPUT"
        echo "(status $STATUS, $milliseconds ms)"
    } >>$TRANSCRIPT
    return $STATUS
}

pass() {
    echo "ok $1"
}

fail() {
    echo "not ok $1: $(tr '\n' '|' <<<"${2:-}" | cut -c1-600)"
    { echo "not ok $1"; dmesg | tail -n 5; } >>$TRANSCRIPT
    return 1
}

note() {
    echo "# $*"
}

give_up() {
    fail "the scenario could go on" "the check before this one is needed by everything after it"
    exit 1
}

# host VERB ARGUMENT…: asks the host and waits; its output is ours, its exit status too.
#   kill9, stop, start, restart    the daemon: SIGKILL; SIGTERM; start and wait until it listens
#   pause, resume                  the daemon: SIGSTOP, SIGCONT
#   link down|up                   the cable
#   capstan ARGUMENT…              the command line, on the same data directory
#   sh COMMAND                     a shell command, in $SCRATCH; $CAPSTAN_DATA is the data directory
REQUESTS=0
host() {
    local request
    # A subshell cannot count for its parent: the name must be unique whoever asks.
    REQUESTS=$((REQUESTS + 1))
    request=$BASHPID-$REQUESTS
    printf '%s\0' "$@" >"/mnt/.request-$request"
    mv "/mnt/.request-$request" "/mnt/request-$request"
    until [ -e "/mnt/answer-$request" ]; do sleep 0.02; done
    cat "/mnt/output-$request"
    return "$(cat "/mnt/answer-$request")"
}

# until_true SECONDS COMMAND…
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}

# Targets and devices

discover() {
    iscsiadm --mode discovery --type sendtargets --portal "$PORTAL"
}

# log_in [PATTERN]: to all targets found, or those whose names match; waits for the device links.
log_in() {
    local name
    for name in $(targets "${1:-.}"); do
        iscsiadm --mode node --targetname "$name" --portal "$PORTAL,1" --login || return
    done
    udevadm settle
}

log_out() {
    iscsiadm --mode node --logoutall=all || return
    udevadm settle
}

targets() {
    iscsiadm --mode node | awk '{print $2}' | grep -E -- "$1" | sort -u
}

# drive N: the non-rewinding device of target tapedrive-N (the gateway counts from 1).
drive() {
    echo /dev/tape/by-path/ip-"$PORTAL"-iscsi-iqn.*-tapedrive-"$(printf %02d "$1")"-lun-0-nst
}

# rewinding_drive N: the device of the same drive that rewinds when it is closed.
rewinding_drive() {
    drive "$1" | sed 's/-nst$//'
}

changer() {
    echo /dev/tape/by-path/ip-"$PORTAL"-iscsi-iqn.*-mediachanger-lun-0-changer
}

# sg DEVICE: the generic node of a tape device.
sg() {
    local name
    name=$(basename "$(readlink -f "$1")")
    echo "/dev/$(ls "/sys/class/scsi_tape/$name/device/scsi_generic")"
}

# connect: what nearly every scenario starts with. Sets CHANGER.
connect() {
    check "discovery answers" discover || give_up
    check "login to every target" log_in || give_up
    CHANGER=$(changer)
    check "the changer has a device" test -e "$CHANGER" || give_up
}

# Data

# sample NAME MEBIBYTES: a directory of some text, small files and incompressible data.
sample() {
    mkdir -p "$1/sub"
    head -c "$2M" /dev/urandom >"$1/random"
    seq 1 20000 >"$1/sub/numbers"
    : >"$1/empty"
    ln -sfn random "$1/link"
    date >"$1/sub/date"
}

# file_number, block_number DEVICE: where the drive says that the tape stands.
file_number() {
    mt -f "$1" status | sed -n 's/^File number=\(-\?[0-9]*\),.*/\1/p'
}

block_number() {
    mt -f "$1" status | sed -n 's/.*block number=\(-\?[0-9]*\),.*/\1/p'
}
