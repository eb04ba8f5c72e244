# stenc gives a drive a key: what is on the disk, who can read it, and how long the key lives.
# timeout: 240
# shellcheck shell=bash

connect
nst=$(drive 1)
sg=$(sg "$nst")
check "load" mtx -f "$CHANGER" load 1 0 || give_up

# key NAME DESCRIPTION: stenc makes a key of the second and of what is typed, so that has to differ.
key() { bash -c 'echo "$0" | stenc -g 256 -k "$0" -kd "$1"' "$1" "$2"; }
stenc_on() { stenc -f "$nst" -e "${3:-on}" -k "$1" -a 1 ${2:+"$2"}; }
# in_files TEXT: in how many files of the cartridges it is.
in_files() { host sh "grep -rlaF '$1' \"\$CAPSTAN_DATA/cartridges\" | wc -l"; }
# told KERNEL-WORDS NUMBERS: what the kernel was told last. Without names of codes it prints numbers.
told() {
    shows "  the kernel is told: $1" "Add. Sense: $1|ASC=0x$2 ASCQ=0x$3" dmesg
    dmesg -C
}
# Noise is stored as it is, so what is in clear can be found.
block() { { head -c 30000 /dev/urandom; printf '%s' "$1"; head -c 30000 /dev/urandom; } | head -c 60000; }

check "a key of May" key may "May 2026" || give_up
check "a key of June" key june "June 2026"
refuses "  another one" "differ" cmp may june
block "NOT-FOR-THE-PAPERS" >secret
block "FOR-EVERYBODY" >public
sample archive 4

note "in clear"
shows "encryption is off" "Drive Encryption: +off" stenc -f "$nst"
check "write in clear" dd if=public of="$nst" bs=64k
same "the text is in a file" 1 "$(in_files FOR-EVERYBODY)"

note "encrypted"
shows "stenc turns encryption on" "Success" stenc_on may || give_up
shows "the drive says so" "Drive Encryption: +on" stenc -f "$nst"
shows "  and under which key" "uKAD\): +May 2026" stenc -f "$nst"
check "write a block" dd if=secret of="$nst" bs=64k
check "write an archive" tar -cf "$nst" archive
same "the block is not in the files" 0 "$(in_files NOT-FOR-THE-PAPERS)"
same "the name of the key is" 1 "$(in_files 'May 2026')"
shows "the gateway knows" "State .* holds encrypted blocks" host capstan tape show CAP001L5
lacks "  which tapes hold encrypted blocks" "encrypted" host capstan tape show CAP002L5
check "to the second file" mt -f "$nst" asf 1
check "read the block" dd if="$nst" of=back bs=64k
check "  it is as it was" cmp back secret
check "to the third file" mt -f "$nst" asf 2
check "the archive is as it was" tar -df "$nst" archive

note "without the key, and with another"
to_secret() { mt -f "$nst" asf 1; }
check "to the block" to_secret
dmesg -C
shows "stenc turns encryption off" "Success" stenc -f "$nst" -e off
refuses "the block cannot be read" "Input/output error" dd if="$nst" of=back bs=64k
told "Unable to decrypt data" 74 1
shows "stenc sees whose it is" "unable to decrypt" stenc -f "$nst" --detail
shows "  by the name of its key" "Volume Key Desc.\(uKAD\): +May 2026" stenc -f "$nst" --detail
check "rewind" mt -f "$nst" rewind
check "what is in clear is read" dd if="$nst" of=back bs=64k
check "  it is as it was" cmp back public
check "to the block" to_secret
dmesg -C
shows "another key" "Success" stenc_on june
refuses "the block cannot be read" "Input/output error" dd if="$nst" of=back bs=64k
told "Incorrect data encryption key" 74 3
refuses "READ by itself is told, too" "Sense key: Data Protect" \
    sg_raw -r 65536 -o back "$sg" 08 00 00 ff ff 00
same "  of an incorrect key" 1 "$(grep -c 'Incorrect data encryption key' <<<"$OUTPUT")"
check "rewind" mt -f "$nst" rewind
dmesg -C
refuses "what is in clear is not read while decrypting" "Input/output error" dd if="$nst" of=back bs=64k
told "Unencrypted data encountered while decrypting" 74 2
shows "mixed" "Success" stenc_on may "" mixed
check "reads what is in clear" dd if="$nst" of=back bs=64k
check "to the second file" to_secret
check "and what is encrypted" dd if="$nst" of=back bs=64k
check "  it is as it was" cmp back secret

note "how long the key lives"
shows "a key that goes with the cartridge" "Success" stenc_on may --ckod
check "the cartridge goes" mtx -f "$CHANGER" unload 1 0
check "and comes again" mtx -f "$CHANGER" load 1 0
check "the drive is ready" until_true 30 mt -f "$nst" status
shows "the key has gone" "Drive Encryption: +off" stenc -f "$nst"
shows "a key that stays" "Success" stenc_on may
check "the cartridge goes" mtx -f "$CHANGER" unload 1 0
check "and comes again" mtx -f "$CHANGER" load 1 0
check "the drive is ready" until_true 30 mt -f "$nst" status
shows "the key is there" "Drive Encryption: +on" stenc -f "$nst"
check "the daemon is killed and starts again" host kill9
check "  it starts" host start
check "the initiator recovers" until_true 60 mt -f "$nst" status
shows "the key has gone" "Drive Encryption: +off" stenc -f "$nst"
check "to the block" to_secret
refuses "and the block cannot be read" "Input/output error" dd if="$nst" of=back bs=64k

for name in may june; do
    hex=$(head -n 1 $name)
    same "$name: a key of 256 bits" 64 ${#hex}
    same "  is not in the log" 0 "$(host sh "grep -ciF '$hex' ../gateway.log")"
    bytes=$(sed 's/../\\x&/g' <<<"$hex")
    same "  nor on the disk" 0 "$(host sh "LC_ALL=C grep -rlaP '$bytes' . | wc -l")"
done
check "logout" log_out
