//! READ MEDIA SERIAL NUMBER (SSC-5; SERVICE ACTION IN(12), service action 01h).

use crate::task::Cdb;

/// Returns the most bytes that the initiator takes.
pub fn allocation_length(cdb: &Cdb) -> usize {
    cdb.u32(6) as usize
}

/// Returns the parameter data: length, then the serial number, padded with spaces to a multiple of
/// four.
pub fn serial_number_data(serial: &str) -> Vec<u8> {
    let mut text = serial.as_bytes().to_vec();
    text.resize(text.len().next_multiple_of(4), b' ');
    #[allow(clippy::cast_possible_truncation)] // serial numbers have a few characters
    let mut data = (text.len() as u32).to_be_bytes().to_vec();
    data.extend(text);
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padded_to_a_multiple_of_four() {
        assert_eq!(serial_number_data("ABCDE"), b"\0\0\0\x08ABCDE   ");
        assert_eq!(serial_number_data("ABCD"), b"\0\0\0\x04ABCD");
        let cdb = Cdb::new(&[0xab, 0x01, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0]);
        assert_eq!(allocation_length(&cdb), 0x0102);
    }
}
