//! Descriptors of key-associated data (SSC-5 §8.5.4).

use super::{AUTHENTICATED_BYTES_MAX, UNAUTHENTICATED_BYTES_MAX};
use crate::sense::Sense;

/// What an application tells about a key, so that it finds the key again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyData {
    /// U-KAD: unauthenticated; `None` is not the same as an empty one.
    pub unauthenticated: Option<Vec<u8>>,
    /// A-KAD: authenticated.
    pub authenticated: Option<Vec<u8>>,
    /// KAD FORMAT: 0 unspecified, 1 a binary key name, 2 an ASCII key name.
    pub format: u8,
}

/// The AUTHENTICATED field: what is known of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Authenticated {
    /// It is not covered by authentication.
    NotCovered = 1,
    /// Nobody has tried.
    NotTried = 2,
    /// It is what was written.
    Good = 3,
}

impl KeyData {
    /// Returns the descriptors; `authenticated` is what is known of the A-KAD.
    pub fn to_bytes(&self, authenticated: Authenticated) -> Vec<u8> {
        let mut bytes = Vec::new();
        let parts = [
            (
                UNAUTHENTICATED,
                &self.unauthenticated,
                Authenticated::NotCovered,
            ),
            (AUTHENTICATED, &self.authenticated, authenticated),
        ];
        for (kind, part, known) in parts {
            let Some(part) = part else { continue };
            let length = u16::try_from(part.len()).expect("checked when it was set");
            bytes.extend_from_slice(&[kind, known as u8]);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }

    /// Parses the descriptors `list`, which begin at byte `at` of the parameter list: in ascending order
    /// of their types, each once. A nonce is not taken, because the drive makes its own (NONCE_C 01b); nor
    /// are metadata, which only external encryption has, and wrapped keys.
    pub(super) fn parse(list: &[u8], at: u16, format: u8) -> Result<Self, Sense> {
        let mut data = Self {
            format,
            ..Self::default()
        };
        let mut rest = list;
        let mut last = None;
        while let Some((header, after)) = rest.split_first_chunk::<4>() {
            let offset = at + u16::try_from(list.len() - rest.len()).unwrap_or(u16::MAX);
            let refuse = |byte| Err(Sense::invalid_field_in_parameter_list(offset + byte));
            let [kind, _, high, low] = *header;
            let length = usize::from(u16::from_be_bytes([high, low]));
            let Some((value, next)) = after.split_at_checked(length) else {
                return refuse(2);
            };
            let (part, length_max) = match kind {
                UNAUTHENTICATED => (&mut data.unauthenticated, UNAUTHENTICATED_BYTES_MAX),
                AUTHENTICATED => (&mut data.authenticated, AUTHENTICATED_BYTES_MAX),
                _ => return refuse(0),
            };
            if last >= Some(kind) {
                return refuse(0);
            }
            if length > length_max {
                return refuse(2);
            }
            *part = Some(value.to_vec());
            last = Some(kind);
            rest = next;
        }
        if rest.is_empty() {
            Ok(data)
        } else {
            let offset = at + u16::try_from(list.len() - rest.len()).unwrap_or(u16::MAX);
            Err(Sense::invalid_field_in_parameter_list(offset))
        }
    }
}

/// KEY DESCRIPTOR TYPE: U-KAD.
const UNAUTHENTICATED: u8 = 0x00;
/// KEY DESCRIPTOR TYPE: A-KAD.
const AUTHENTICATED: u8 = 0x01;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(list: &[u8]) -> u16 {
        let sense = KeyData::parse(list, 52, 0).unwrap_err();
        sense.field.unwrap().byte
    }

    #[test]
    fn what_was_written_is_read() {
        let data = KeyData {
            unauthenticated: Some(b"May".to_vec()),
            authenticated: Some(vec![]),
            format: 2,
        };
        let bytes = data.to_bytes(Authenticated::Good);
        assert_eq!(bytes, *b"\x00\x01\x00\x03May\x01\x03\x00\x00");
        assert_eq!(KeyData::parse(&bytes, 52, 2), Ok(data));
        assert_eq!(KeyData::parse(&[], 52, 0), Ok(KeyData::default()));
    }

    #[test]
    fn faults_are_pointed_at() {
        assert_eq!(refused(&[2, 0, 0, 1, 7]), 52, "a nonce");
        assert_eq!(refused(&[3, 0, 0, 1, 7]), 52, "metadata");
        assert_eq!(refused(&[0, 0, 0, 0, 0, 0, 0, 0]), 56, "twice");
        assert_eq!(refused(&[1, 0, 0, 1, 9, 0, 0, 0, 0]), 57, "descending");
        assert_eq!(refused(&[0, 0, 0, 9, 1]), 54, "longer than the list");
        assert_eq!(refused(&[0, 0, 0, 0, 1]), 56, "half a descriptor");
        let mut long = vec![1, 0, 0, 13];
        long.resize(17, 0);
        assert_eq!(refused(&long), 54, "A-KAD of 13 bytes");
        let mut long = vec![0, 0, 0, 33];
        long.resize(37, 0);
        assert_eq!(refused(&long), 54, "U-KAD of 33 bytes");
    }
}
