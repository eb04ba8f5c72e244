use super::*;

const KEY: [u8; 32] = *b"0123456789abcdefghijklmnopqrstuv";

/// What stenc 1.0.7 sends for `-e on -a 1 --ckod` with a key description.
fn stenc_on() -> Vec<u8> {
    let mut page = vec![
        0x00, 0x10, 0, 0,    // the page and its length
        0x40, // SCOPE: all I_T nexuses
        0x44, // CEEM 01b, CKOD
        2, 2, // encrypt, decrypt
        1, // algorithm
        0, 0, 0, 0, 0, 0, 0, 0, 0, // plain text
        0, 32,
    ];
    page.extend_from_slice(&KEY);
    page.extend_from_slice(b"\x00\x00\x00\x03May");
    let length = u8::try_from(page.len() - 4).unwrap();
    page[3] = length;
    page
}

fn command(length: usize) -> SecurityProtocol {
    SecurityProtocol {
        protocol: 0x20,
        page: 0x10,
        length: u32::try_from(length).unwrap(),
    }
}

fn parse(page: &[u8]) -> Result<Option<SetDataEncryption>, Sense> {
    SetDataEncryption::parse(command(page.len()), page)
}

#[test]
fn stenc_turns_encryption_on() {
    let set = parse(&stenc_on()).unwrap().unwrap();
    assert!(!set.lock);
    let parameters = set.parameters.unwrap();
    assert_eq!(parameters.scope, Scope::AllNexuses);
    assert_eq!(parameters.encryption, EncryptionMode::Encrypt);
    assert_eq!(parameters.decryption, DecryptionMode::Decrypt);
    assert_eq!(parameters.check_external, CheckExternal::Unchecked);
    assert!(parameters.clear_on_demount && !parameters.forbid_raw_reading);
    assert!(!parameters.clear_on_preemption && !parameters.clear_on_reservation_loss);
    assert_eq!(parameters.key.as_ref().unwrap().bytes(), &KEY);
    assert_eq!(
        parameters.key_data.unauthenticated.as_deref(),
        Some(&b"May"[..])
    );
    let printed = format!("{parameters:?}");
    assert!(
        !printed.contains("48") && !printed.contains("0123"),
        "{printed}"
    );
}

#[test]
fn with_both_modes_disabled_key_and_algorithm_are_ignored() {
    let mut page = stenc_on();
    (page[6], page[7], page[8], page[19]) = (0, 0, 0, 7);
    let parameters = parse(&page).unwrap().unwrap().parameters.unwrap();
    assert_eq!(parameters.key, None);
    assert_eq!(parameters.key_data, KeyData::default());
    let mut short = page[..20].to_vec();
    short[3] = 16;
    assert_eq!(
        parse(&short).unwrap().unwrap().parameters.unwrap(),
        parameters
    );
}

#[test]
fn with_scope_public_only_lock_counts() {
    let mut page = vec![0xff; 20];
    page[..5].copy_from_slice(&[0, 0x10, 0, 16, 0x01]);
    let set = parse(&page).unwrap().unwrap();
    assert_eq!((set.lock, set.parameters), (true, None));
}

#[test]
fn every_fault_is_pointed_at() {
    let wrong: &[(usize, u8, u16, Option<u8>)] = &[
        (1, 0x11, 0, None),
        (4, 0x60, 4, Some(7)),
        (4, 0x48, 4, Some(3)),
        (5, 0x80, 5, Some(7)), // CEEM 10b
        (5, 0xc0, 5, Some(7)), // CEEM 11b
        (5, 0x08, 5, Some(3)), // SDK
        (5, 0x10, 5, Some(5)), // RDMC 01b
        (5, 0x20, 5, Some(5)), // RDMC 10b
        (6, 1, 6, None),       // EXTERNAL
        (6, 3, 6, None),
        (7, 1, 7, None), // RAW
        (7, 4, 7, None),
        (8, 0, 8, None),
        (9, 1, 9, None), // vendor specific key reference
        (10, 3, 10, None),
        (14, 1, 14, None),
        (19, 16, 18, None), // AES-128
        (52, 2, 52, None),  // a nonce
        (55, 4, 54, None),
    ];
    for &(at, value, byte, bit) in wrong {
        let mut page = stenc_on();
        page[at] = value;
        let expected = match bit {
            Some(bit) => refuse(byte).at_bit(bit),
            None => refuse(byte),
        };
        assert_eq!(parse(&page), Err(expected), "byte {at} is {value}");
    }
}

#[test]
fn lengths_are_checked_before_they_are_used() {
    let page = stenc_on();
    let length_error = Err(Sense::illegal_request(
        AdditionalSense::PARAMETER_LIST_LENGTH_ERROR,
    ));
    for length in 0..page.len() {
        let parsed = SetDataEncryption::parse(command(page.len()), &page[..length]);
        assert_eq!(parsed, length_error, "{length} of what the CDB says");
        let parsed = parse(&page[..length]);
        let expected = if length == 0 {
            Ok(None)
        } else {
            length_error.clone()
        };
        assert_eq!(parsed, expected, "{length} said and sent");
    }
    let mut short = page.clone();
    short[3] = 15;
    assert_eq!(parse(&short), Err(refuse(2)));
    short[3] = 40; // the page ends inside the key
    assert_eq!(parse(&short), Err(refuse(2)));
    let mut other = command(0);
    other.page = 0x11;
    assert_eq!(
        SetDataEncryption::parse(other, &[]),
        Err(Sense::invalid_field_in_cdb(2))
    );
    other.protocol = 0;
    assert_eq!(
        SetDataEncryption::parse(other, &[]),
        Err(Sense::invalid_field_in_cdb(1))
    );
}
