# For scenarios with Bacula's storage daemon or btape. Sourced by them, after `connect`.
# shellcheck shell=bash

# mtx-changer keeps its files there.
mkdir -p /var/lib/bacula

# robot DEVICE: the resources of the configuration for the changer and its first drive, which is
# DEVICE. Files on tape are small, so that a small tape has several.
robot() {
    cat <<CONF
Autochanger {
  Name = Robot; Device = Drive0; Changer Device = $CHANGER
  Changer Command = "/etc/bacula/scripts/mtx-changer %c %o %S %a %d"
}
Device {
  Name = Drive0; Media Type = LTO-5; Archive Device = $1; Autochanger = yes; Drive Index = 0
  Automatic Mount = yes; Always Open = yes; Removable Media = yes; Random Access = no
  Maximum File Size = 8M
  Control Device = $(sg "$1"); Alert Command = "/etc/bacula/scripts/tapealert %l"
}
CONF
}

# btape DEVICE ANSWER…: the answers come as if they were typed.
btape() {
    local device=$1
    shift
    mkdir -p btape
    {
        echo "Storage { Name = sd; Working Directory = $PWD/btape; Pid Directory = $PWD/btape }"
        echo "Director { Name = nobody; Password = unused }"
        echo "Messages { Name = Standard; stdout = all }"
        robot "$device"
    } >btape.conf
    printf '%s\n' "$@" quit | timeout 200 /usr/sbin/btape -c "$PWD/btape.conf" "$device"
}

# said CLAIM PATTERN: a line of the last command's output matches (grep -E).
said() {
    grep -qE -- "$2" <<<"$OUTPUT" && pass "$1" && return
    fail "$1" "no /$2/: $(tail -n 30 <<<"$OUTPUT")"
}
