//! Set data encryption, page 0010h of SECURITY PROTOCOL OUT (SSC-5 §8.5.3.2).

use std::fmt;

use zeroize::Zeroizing;

use super::{
    ALGORITHM_INDEX, CheckExternal, DecryptionMode, EncryptionMode, KEY_BYTES, KeyData, Scope,
    SecurityProtocol, TAPE_DATA_ENCRYPTION,
};
use crate::sense::{AdditionalSense, Sense};

/// The page's code.
pub const PAGE: u16 = 0x0010;
/// LOGICAL BLOCK ENCRYPTION KEY FORMAT: the key as it is.
pub const PLAIN_TEXT: u8 = 0x00;

/// A key as it came. It is wiped when it goes, and nothing of it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PlainKey(Zeroizing<[u8; KEY_BYTES]>);

impl PlainKey {
    /// Returns the key's bytes.
    pub fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainKey")
    }
}

/// The data encryption parameters that an application sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetDataEncryption {
    /// LOCK: writing is refused once the key instance counter has changed.
    pub lock: bool,
    /// What they are; `None` for SCOPE PUBLIC, with which all other fields are ignored.
    pub parameters: Option<NewParameters>,
}

/// Parameters with a scope.
#[allow(clippy::struct_excessive_bools)] // the bits of the page, as the standard draws them
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewParameters {
    /// LOCAL or ALL I_T NEXUS.
    pub scope: Scope,
    /// CEEM.
    pub check_external: CheckExternal,
    /// RDMC 11b.
    pub forbid_raw_reading: bool,
    /// CKOD: the key goes with the volume.
    pub clear_on_demount: bool,
    /// CKORP: the key goes when the reservation is preempted.
    pub clear_on_preemption: bool,
    /// CKORL: the key goes when the reservation is lost.
    pub clear_on_reservation_loss: bool,
    /// ENCRYPTION MODE.
    pub encryption: EncryptionMode,
    /// DECRYPTION MODE.
    pub decryption: DecryptionMode,
    /// The key; `Some` unless both modes are DISABLE.
    pub key: Option<PlainKey>,
    /// What is told with the key.
    pub key_data: KeyData,
}

impl SetDataEncryption {
    /// Parses the parameter list of SECURITY PROTOCOL OUT. `None` when nothing is transferred.
    ///
    /// What needs to know the unit's state is left to the device: CKOD without a volume, and CKORP and
    /// CKORL without a reservation; [`Self::invalid_clear_bit`] points there.
    pub fn parse(command: SecurityProtocol, data: &[u8]) -> Result<Option<Self>, Sense> {
        if command.protocol != TAPE_DATA_ENCRYPTION {
            return Err(Sense::invalid_field_in_cdb(1));
        }
        if command.page != PAGE {
            return Err(SecurityProtocol::invalid_page());
        }
        if command.length == 0 {
            return Ok(None);
        }
        let too_short = Sense::illegal_request(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
        let length = usize::try_from(command.length).unwrap_or(usize::MAX);
        let list = data.get(..length).ok_or(too_short)?;
        let (header, _) = list.split_first_chunk::<4>().ok_or(too_short)?;
        if header[..2] != PAGE.to_be_bytes() {
            return Err(refuse(0));
        }
        let page_length = 4 + usize::from(u16::from_be_bytes([header[2], header[3]]));
        let page = list.get(..page_length).ok_or(too_short)?;
        if page.len() < FIXED_BYTES {
            return Err(refuse(2));
        }
        Self::parse_page(page).map(Some)
    }

    fn parse_page(page: &[u8]) -> Result<Self, Sense> {
        let lock = page[4] & 1 == 1;
        let scope = match page[4] >> 5 {
            0 => {
                return Ok(Self {
                    lock,
                    parameters: None,
                });
            }
            1 => Scope::Local,
            2 => Scope::AllNexuses,
            _ => return Err(refuse(4).at_bit(7)),
        };
        check_reserved(page)?;
        let bit = |bit: u8| page[5] >> bit & 1 == 1;
        if bit(SDK) {
            return Err(refuse(5).at_bit(SDK)); // SDK_C is zero
        }
        let forbid_raw_reading = match page[5] >> 4 & 3 {
            0 => false,
            3 => true,
            _ => return Err(refuse(5).at_bit(5)), // nothing is ever read raw
        };
        let check_external = match page[5] >> 6 {
            0 => CheckExternal::Unspecified,
            1 => CheckExternal::Unchecked,
            _ => return Err(refuse(5).at_bit(7)), // EAREM is zero
        };
        let encryption = match page[6] {
            0 => EncryptionMode::Disable,
            2 => EncryptionMode::Encrypt,
            _ => return Err(refuse(6)),
        };
        let decryption = match page[7] {
            0 => DecryptionMode::Disable,
            2 => DecryptionMode::Decrypt,
            3 => DecryptionMode::Mixed,
            _ => return Err(refuse(7)),
        };
        let disabled =
            encryption == EncryptionMode::Disable && decryption == DecryptionMode::Disable;
        let (key, key_data) = if disabled {
            // Whatever stands there is ignored: stenc sends a key of zeros.
            (None, KeyData::default())
        } else {
            let (key, key_data) = parse_key(page)?;
            (Some(key), key_data)
        };
        let parameters = NewParameters {
            scope,
            check_external,
            forbid_raw_reading,
            clear_on_demount: bit(CKOD),
            clear_on_preemption: bit(CKORP),
            clear_on_reservation_loss: bit(CKORL),
            encryption,
            decryption,
            key,
            key_data,
        };
        Ok(Self {
            lock,
            parameters: Some(parameters),
        })
    }

    /// Returns the sense for one of [`CKOD`], [`CKORP`] and [`CKORL`] that cannot be.
    pub const fn invalid_clear_bit(bit: u8) -> Sense {
        refuse(5).at_bit(bit)
    }
}

fn check_reserved(page: &[u8]) -> Result<(), Sense> {
    let excess = page[4] & 0x1e;
    if excess != 0 {
        #[allow(clippy::cast_possible_truncation)] // a byte has eight bits
        return Err(refuse(4).at_bit(excess.ilog2() as u8));
    }
    match (11..18).find(|at| page[usize::from(*at)] != 0) {
        Some(at) => Err(refuse(at)),
        None => Ok(()),
    }
}

fn parse_key(page: &[u8]) -> Result<(PlainKey, KeyData), Sense> {
    if page[8] != ALGORITHM_INDEX {
        return Err(refuse(8));
    }
    if page[9] != PLAIN_TEXT {
        return Err(refuse(9));
    }
    if page[10] > KEY_DATA_FORMAT_MAX {
        return Err(refuse(10));
    }
    if usize::from(u16::from_be_bytes([page[18], page[19]])) != KEY_BYTES {
        return Err(refuse(18));
    }
    let (key, list) = page[FIXED_BYTES..]
        .split_first_chunk::<KEY_BYTES>()
        .ok_or(refuse(2))?;
    let key_data = KeyData::parse(list, LIST_AT, page[10])?;
    Ok((PlainKey(Zeroizing::new(*key)), key_data))
}

const fn refuse(byte: u16) -> Sense {
    Sense::invalid_field_in_parameter_list(byte)
}

/// Where the key-associated data begin.
const LIST_AT: u16 = 52;
/// What comes before the key.
const FIXED_BYTES: usize = 20;
/// KAD FORMAT: an ASCII key name.
const KEY_DATA_FORMAT_MAX: u8 = 2;
/// Supplemental decryption key, byte 5.
const SDK: u8 = 3;
/// Clear key on demount, byte 5.
pub const CKOD: u8 = 2;
/// Clear key on reservation preempt, byte 5.
pub const CKORP: u8 = 1;
/// Clear key on reservation loss, byte 5.
pub const CKORL: u8 = 0;

#[cfg(test)]
mod tests;
