//! Pages of vital product data that tape drives have (SSC-5 §8.6).

/// Page B0h, sequential-access device capabilities.
pub const SEQUENTIAL_ACCESS_CAPABILITIES: u8 = 0xb0;
/// Page B1h, manufacturer-assigned serial number.
pub const MANUFACTURER_SERIAL_NUMBER: u8 = 0xb1;
/// Page B2h, TapeAlert supported flags.
pub const TAPE_ALERT_SUPPORTED: u8 = 0xb2;
/// Page B3h, serial number of the automation device, the library.
pub const AUTOMATION_SERIAL_NUMBER: u8 = 0xb3;
/// Page B4h, data transfer device element address.
pub const ELEMENT_ADDRESS: u8 = 0xb4;
/// Page B5h, logical block protection.
pub const LOGICAL_BLOCK_PROTECTION: u8 = 0xb5;

/// Returns the body of page B0h. `worm`: the drive takes WORM cartridges, whatever is in it now. We
/// mirror no streams (TSMC=0).
pub fn sequential_access_capabilities(worm: bool) -> Vec<u8> {
    vec![u8::from(worm), 0]
}

/// Returns the body of page B2h for a drive with all 64 flags.
pub fn all_tape_alerts() -> Vec<u8> {
    vec![0xff; 8]
}

/// Returns the body of page B5h for the methods with these codes: each is checked when blocks are
/// written and made when they are read; RECOVER BUFFERED DATA is not supported.
pub fn logical_block_protection(methods: &[u8]) -> Vec<u8> {
    const RESERVED: usize = 4;
    /// Bytes of a descriptor after this field.
    const DESCRIPTOR_LENGTH: u8 = 7;
    /// LOGICAL BLOCK PROTECTION INFORMATION LENGTH: each method has four bytes.
    const INFORMATION_LENGTH: u8 = 4;
    const LBP_W_C: u8 = 0x80;
    const LBP_R_C: u8 = 0x40;
    let mut body = vec![0; RESERVED];
    for method in methods {
        let flags = LBP_W_C | LBP_R_C;
        body.extend_from_slice(&[DESCRIPTOR_LENGTH, *method, INFORMATION_LENGTH, flags]);
        body.extend_from_slice(&[0; 4]);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_descriptor_for_each_method() {
        assert_eq!(
            logical_block_protection(&[1, 2]),
            [
                0, 0, 0, 0, 7, 1, 4, 0xc0, 0, 0, 0, 0, 7, 2, 4, 0xc0, 0, 0, 0, 0
            ]
        );
    }
}
