//! TransportIDs: initiator ports as parameter data name them (SPC-5 §7.6.4).
//!
//! Ours are of iSCSI, and always name a port: `<iSCSI name>,i,0x<ISID>` (§7.6.4.6, TPID FORMAT 01b).
//! Format 00b names a whole device, with ports of which we know nothing; it is refused.

use crate::sense::Sense;
use crate::task::InitiatorPort;

/// TPID FORMAT 01b, PROTOCOL IDENTIFIER 5h.
const ISCSI_INITIATOR_PORT: u8 = 0x45;

/// The four bytes before the name.
const HEADER_LENGTH: usize = 4;

/// The least ADDITIONAL LENGTH (SPC-5 §7.6.4.6).
const NAME_FIELD_MIN: usize = 20;

/// The most: 223 bytes of name, the separator, twelve digits and the final zero, padded.
const NAME_FIELD_MAX: usize = 244;

/// What stands between the name and the ISID.
const SEPARATOR: &str = ",i,0x";

/// The digits of an ISID.
const ISID_DIGITS: usize = 12;

/// The longest iSCSI name (RFC 7143 §4.2.7.2).
const NAME_LENGTH_MAX: usize = 223;

/// Returns the TransportID of `port`: its name ends with at least one zero and fills words.
pub fn to_bytes(port: &InitiatorPort) -> Vec<u8> {
    let name = port.0.as_bytes();
    let length = (name.len() + 1).next_multiple_of(4).max(NAME_FIELD_MIN);
    #[allow(clippy::cast_possible_truncation)] // names are bounded
    let [high, low] = (length as u16).to_be_bytes();
    let mut bytes = vec![ISCSI_INITIATOR_PORT, 0, high, low];
    bytes.extend(name);
    bytes.resize(HEADER_LENGTH + length, 0);
    bytes
}

/// Reads the TransportID at the beginning of `bytes`; returns its port and its length. `offset` is
/// where `bytes` begin in the parameter list, for the field pointer.
pub fn parse(bytes: &[u8], offset: usize) -> Result<(InitiatorPort, usize), Sense> {
    let wrong = |byte: usize| {
        #[allow(clippy::cast_possible_truncation)] // parameter lists with TransportIDs are short
        let byte = (offset + byte) as u16;
        Sense::invalid_field_in_parameter_list(byte)
    };
    let header = bytes.first_chunk::<HEADER_LENGTH>().ok_or(wrong(0))?;
    if header[0] != ISCSI_INITIATOR_PORT {
        return Err(wrong(0));
    }
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if !(NAME_FIELD_MIN..=NAME_FIELD_MAX).contains(&length) || !length.is_multiple_of(4) {
        return Err(wrong(2));
    }
    let field = bytes.get(HEADER_LENGTH..HEADER_LENGTH + length);
    let port = port_of(field.ok_or(wrong(2))?).ok_or(wrong(HEADER_LENGTH))?;
    Ok((port, HEADER_LENGTH + length))
}

/// Reads `<iSCSI name>,i,0x<ISID>` with its zeros. Letters of either case name the same port.
fn port_of(field: &[u8]) -> Option<InitiatorPort> {
    let end = field.iter().position(|byte| *byte == 0)?;
    let text = std::str::from_utf8(&field[..end]).ok()?.to_lowercase();
    let (name, isid) = text.split_once(SEPARATOR)?;
    let is_isid = isid.len() == ISID_DIGITS && isid.bytes().all(|digit| digit.is_ascii_hexdigit());
    let is_name = !name.is_empty() && name.len() <= NAME_LENGTH_MAX;
    (is_name && is_isid).then(|| InitiatorPort(text.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn port_of_an_iscsi_initiator() {
        let port = InitiatorPort("iqn.a,i,0x800000000001".into());
        let bytes = to_bytes(&port);
        assert_eq!(bytes[..4], [0x45, 0, 0, 24], "format 01b, iSCSI, length");
        assert_eq!(&bytes[4..], b"iqn.a,i,0x800000000001\0\0");
        assert_eq!(parse(&bytes, 0), Ok((port, 28)));
    }

    #[test]
    fn capital_letters_name_the_same_port() {
        let mut bytes = vec![0x45, 0, 0, 24];
        bytes.extend(b"IQN.A,i,0x80ABCDEF0001\0\0");
        let (port, _) = parse(&bytes, 24).unwrap();
        assert_eq!(&*port.0, "iqn.a,i,0x80abcdef0001");
    }

    #[test]
    fn what_names_no_port_is_refused_with_its_place() {
        let good = to_bytes(&InitiatorPort("iqn.a,i,0x800000000001".into()));
        let with = |byte: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[byte] = value;
            parse(&bytes, 100).map(|_| ())
        };
        let at = |byte| Err(Sense::invalid_field_in_parameter_list(byte));
        assert_eq!(with(0, 0x05), at(100), "format 00b names a device");
        assert_eq!(with(0, 0x40), at(100), "Fibre Channel");
        assert_eq!(with(3, 28), at(102), "longer than the list");
        assert_eq!(with(3, 23), at(102), "not in words");
        assert_eq!(with(9, b';'), at(104), "no separator");
        assert_eq!(with(25, b'x'), at(104), "no ISID");
        assert_eq!(
            parse(&good[..3], 0).map(|_| ()),
            Err(Sense::invalid_field_in_parameter_list(0))
        );
    }

    proptest! {
        #[test]
        fn every_port_comes_back(name in "[a-z0-9.:-]{1,223}", isid in 0_u64..1 << 48) {
            let port = InitiatorPort(format!("{name},i,0x{isid:012x}").into());
            let bytes = to_bytes(&port);
            prop_assert_eq!(parse(&bytes, 0), Ok((port, bytes.len())));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes, 0);
        }
    }
}
