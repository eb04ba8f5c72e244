# Four libraries of four makers, one after the other: what lsscsi, sg3_utils and mtx see of each.
# serve: --config machine.toml
# the scenario starts the gateway
# timeout: 240
# shellcheck shell=bash

PORTAL=10.99.0.1:3260

# machine CHANGER DRIVE: a new gateway with two drives of a kind.
machine() {
    local drives
    host stop >/dev/null 2>&1
    drives=$(printf '"%s", "%s"' "$2" "$2")
    check "$1: a library with two $2" host sh "rm -rf \"\$CAPSTAN_DATA\"; cat >machine.toml <<END
name = \"lab\"
[iscsi]
listen = [\"$PORTAL\"]
[machine]
changer = \"$1\"
drives = [$drives]
slots = 12
cartridges = 2
END" || give_up
    check "  starts" host start || give_up
    check "  discovery" discover || give_up
    check "  login" log_in || give_up
    CHANGER=$(changer)
}

# names REGEX…: what lsscsi prints of the changer and of the drives.
names() {
    shows "  the changer's name" "mediumx +$1" lsscsi
    shows "  the drives' name" "tape +$2" lsscsi
    shows "  mtx inquiry" "Product Type: Medium Changer" mtx -f "$CHANGER" inquiry
    shows "  mtx status" "Storage Changer .*:2 Drives, 16 Slots \( 4 Import/Export \)" mtx -f "$CHANGER" status
    shows "  barcodes" "VolumeTag ?= ?CAP001$3" mtx -f "$CHANGER" status
    shows "  loaderinfo" "Number of Storage Elements: 12" loaderinfo -f "$CHANGER"
    shows "  tapeinfo" "Vendor ID: '$4" tapeinfo -f "$(sg "$(drive 1)")"
}

serial() {
    sg_inq --vpd --page=0x80 --raw "$(sg "$(drive "$1")")" | tail -c +5 | tr -d '\0'
}

# bays CDB-BYTE-6: READ ELEMENT STATUS of data transfer elements, as text.
bays() {
    sg_raw --binary --request=8192 "$CHANGER" b8 14 00 00 ff ff "$1" 00 20 00 00 00 2>/dev/null | tr -c '[:print:]' '\n'
}

# The identifier of each bay is what its drive says.
bays_name_drives() {
    local bays number
    bays=$(bays "$1")
    for number in 1 2; do
        grep -q -- "$2$(serial "$number")" <<<"$bays" || { echo "$bays"; return 1; }
    done
}

every_page_answers() {
    local page
    for page in $(sg_inq --vpd --page=0 --raw "$1" | tail -c +5 | od -An -tx1); do
        sg_inq --vpd "--page=0x$page" --raw "$1" >/dev/null || { echo "$page"; return 1; }
    done
}

pages() {
    check "  every page of the changer answers" every_page_answers "$CHANGER"
    check "  every page of a drive answers" every_page_answers "$(sg "$(drive 1)")"
}

loads() {
    check "  a cartridge loads" mtx -f "$CHANGER" load 1 0
    shows "  its density" "Density Code: $1" tapeinfo -f "$(sg "$(drive 1)")"
    check "  logout" log_out
}

machine ibm-3573-tl ibm-ult3580-td8
names "IBM +3573-TL +D\.00" "IBM +ULT3580-TD8 +J4D0" L8 "IBM"
check "  bays have the drives' names" bays_name_drives 01 "IBM     ULT3580-TD8     "
lacks "  but only for those who ask" "ULT3580" bays 00
shows "  serial number of the logical library" "00[0-9A-F]{10}_LL0" sg_vpd --page=sn "$CHANGER"
shows "  device identification" "3573-TL +00[0-9A-F]{10}_LL0" sg_vpd --page=di "$CHANGER"
shows "  extended INQUIRY data" "SPT=1" sg_vpd --page=ei "$(sg "$(drive 1)")"
shows "  logical block protection by CRC32C" "method: 2" sg_vpd --page=0xb5 "$(sg "$(drive 1)")"
pages
loads 0x5e

machine hp-msl6000 hpe-ultrium-9
names "HP +MSL6000 Series +0520" "HPE +Ultrium 9-SCSI +R3G3" L9 "HPE"
check "  bays have serial numbers, unasked" bays_name_drives 00 ""
lacks "  and nothing else" "Ultrium" bays 01
pages
loads 0x60

machine quantum-scalar-i500 ibm-ultrium-td7
names "QUANTUM +Scalar i500 +700G" "IBM +ULTRIUM-TD7 +G9Q0" L7 "IBM"
check "  bays have the drives' names" bays_name_drives 01 "IBM     ULTRIUM-TD7     "
shows "  serial number with its vendor" "QUANTUMA0C[0-9A-F]{10}_LLA" sg_vpd --page=sn "$CHANGER"
loads 0x5c

machine spectra-t-series hp-ultrium-4
names "SPECTRA +PYTHON +2000" "HP +Ultrium 4-SCSI +H6FW" L4 "HP"
check "  bays have serial numbers" bays_name_drives 01 ""
loads 0x46
