//! Protection information: the four bytes behind a logical block that is protected on its way
//! (SSC-5 §4.2.29, annex D).
//!
//! # The Reed-Solomon CRC
//! ECMA-319 takes the bytes of a block as the coefficients of a polynomial over GF(256), the first
//! byte with the highest power, multiplies it by x⁴, and divides it by
//!
//! ```text
//!   G(x) = (x + α¹²⁶)(x + α¹²⁷)(x + α¹²⁸)(x + α¹²⁹) = x⁴ + α²⁰¹x³ + α²⁴⁶x² + α²⁰¹x + 1
//! ```
//!
//! where α is a root of a⁸ + a⁴ + a³ + a² + 1. The four coefficients of the remainder are the
//! protection information, that of x³ first. The remainder is linear in the block's bits, so tables
//! make it as those of an ordinary CRC do, eight bytes at a time.
//!
//! # CRC32C
//! As in iSCSI's digests (RFC 7143 §13.1): the least significant byte first.

/// How protection information is computed: LOGICAL BLOCK PROTECTION METHOD (SSC-5 §8.5.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The Reed-Solomon CRC of ECMA-319, which LTO tapes carry.
    ReedSolomon,
    /// CRC32C (Castagnoli).
    Crc32c,
}

impl Method {
    /// Returns the method of a code in LOGICAL BLOCK PROTECTION METHOD; `None` for none and for those
    /// that only vendors know.
    pub const fn of_code(code: u8) -> Option<Self> {
        match code {
            0x01 => Some(Self::ReedSolomon),
            0x02 => Some(Self::Crc32c),
            _ => None,
        }
    }

    /// Returns the code in LOGICAL BLOCK PROTECTION METHOD.
    pub const fn code(self) -> u8 {
        match self {
            Self::ReedSolomon => 0x01,
            Self::Crc32c => 0x02,
        }
    }

    /// Returns the protection information of `block`, as it stands behind it.
    pub fn protect(self, block: &[u8]) -> [u8; INFORMATION_LENGTH as usize] {
        match self {
            Self::ReedSolomon => reed_solomon_crc(block).to_be_bytes(),
            Self::Crc32c => crc_fast::crc32_iscsi(block).to_le_bytes(),
        }
    }

    /// Takes the protection information off `transferred`. Returns the length of the block without
    /// it, or `None` when there is no block or they do not belong together.
    pub fn verify(self, transferred: &[u8]) -> Option<usize> {
        let (block, information) = transferred.split_last_chunk()?;
        (!block.is_empty() && self.protect(block) == *information).then_some(block.len())
    }
}

/// LOGICAL BLOCK PROTECTION INFORMATION LENGTH of both methods.
pub const INFORMATION_LENGTH: u32 = 4;

/// Returns the remainder, the coefficient of x³ in the most significant byte.
fn reed_solomon_crc(block: &[u8]) -> u32 {
    let (words, rest) = block.as_chunks::<8>();
    let mut remainder = 0_u32;
    for word in words {
        let mut word = *word;
        for (byte, carried) in word.iter_mut().zip(remainder.to_be_bytes()) {
            *byte ^= carried;
        }
        let tables = TABLES.iter().rev();
        remainder = word
            .iter()
            .zip(tables)
            .fold(0, |sum, (byte, table)| sum ^ table[usize::from(*byte)]);
    }
    for byte in rest {
        let [first, ..] = remainder.to_be_bytes();
        remainder = remainder << 8 ^ TABLES[0][usize::from(first ^ byte)];
    }
    remainder
}

/// `TABLES[k][b]` is the remainder of b·x⁴⁺ᵏ.
static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        #[allow(clippy::cast_possible_truncation)] // below 256
        let factor = byte as u8;
        tables[0][byte] = u32::from_be_bytes([
            multiply(factor, GENERATOR[0]),
            multiply(factor, GENERATOR[1]),
            multiply(factor, GENERATOR[2]),
            multiply(factor, GENERATOR[3]),
        ]);
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before: u32 = tables[table - 1][byte];
            let first = (before >> 24) as usize;
            tables[table][byte] = before << 8 ^ tables[0][first];
            byte += 1;
        }
        table += 1;
    }
    tables
}

/// G(x) without x⁴, the coefficient of x³ first: α²⁰¹, α²⁴⁶, α²⁰¹, 1.
const GENERATOR: [u8; 4] = [0x38, 0xcf, 0x38, 0x01];

/// Multiplies in GF(256).
const fn multiply(a: u8, b: u8) -> u8 {
    let (mut a, mut b, mut product) = (a, b, 0);
    while b != 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        let carry = a & 0x80 != 0;
        a <<= 1;
        if carry {
            a ^= FIELD_POLYNOMIAL;
        }
        b >>= 1;
    }
    product
}

/// a⁴ + a³ + a² + 1: what a⁸ is.
const FIELD_POLYNOMIAL: u8 = 0x1d;

#[cfg(test)]
mod tests {
    use super::*;

    /// The primes below 158, and those from there to 251: what CERN's CASTOR tests its tape servers
    /// with, which write and check both methods on real drives.
    const PRIMES: [u8; 54] = [
        2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89,
        97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181,
        191, 193, 197, 199, 211, 223, 227, 229, 233, 239, 241, 251,
    ];

    #[test]
    fn known_answers_of_both_methods() {
        let rs = |block| Method::ReedSolomon.protect(block);
        assert_eq!(rs(&PRIMES[..37]), [0x73, 0x3d, 0x4d, 0xca]);
        assert_eq!(rs(&PRIMES), [0x75, 0x4e, 0xd3, 0x7e]);
        let crc = |block| Method::Crc32c.protect(block);
        assert_eq!(crc(&PRIMES[..37]), [0x48, 0x4f, 0x17, 0xe8]);
        // RFC 7143 annex A.4: thirty-two bytes of zeros, of ones.
        assert_eq!(crc(&[0; 32]), [0xaa, 0x36, 0x91, 0x8a]);
        assert_eq!(crc(&[0xff; 32]), [0x43, 0xab, 0xa8, 0x62]);
    }

    #[test]
    fn the_generator_has_the_roots_that_the_standard_names() {
        let power = |exponent| (0..exponent).fold(1, |product, _| multiply(product, 2));
        assert_eq!(GENERATOR, [power(201), power(246), power(201), 1]);
        for exponent in 126..130 {
            let root = power(exponent);
            let value = GENERATOR
                .iter()
                .fold(1, |value, coefficient| multiply(value, root) ^ coefficient);
            assert_eq!(value, 0, "α^{exponent}");
        }
    }

    #[test]
    fn a_protected_block_is_a_multiple_of_the_generator() {
        for length in [1, 7, 8, 9, 54] {
            let block = &PRIMES[..length];
            let protected = [block, &Method::ReedSolomon.protect(block)].concat();
            assert_eq!(reed_solomon_crc(&protected), 0, "{length} bytes");
        }
    }

    #[test]
    fn eight_at_a_time_is_as_one_at_a_time() {
        for length in 0..54 {
            let slow = PRIMES[..length]
                .iter()
                .fold([0; 4], |[first, rest @ ..], byte| {
                    let mut next = GENERATOR.map(|coefficient| multiply(first ^ byte, coefficient));
                    for (new, old) in next.iter_mut().zip(rest) {
                        *new ^= old;
                    }
                    next
                });
            let fast = Method::ReedSolomon.protect(&PRIMES[..length]);
            assert_eq!(fast, slow, "{length} bytes");
        }
    }

    #[test]
    fn any_changed_bit_is_noticed() {
        for method in [Method::ReedSolomon, Method::Crc32c] {
            let mut sent = [&PRIMES[..], &method.protect(&PRIMES)].concat();
            assert_eq!(method.verify(&sent), Some(54));
            for bit in 0..sent.len() * 8 {
                sent[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(method.verify(&sent), None, "{method:?}, bit {bit}");
                sent[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }

    #[test]
    fn four_bytes_are_no_block() {
        for method in [Method::ReedSolomon, Method::Crc32c] {
            assert_eq!(method.verify(&[0; 4]), None);
            assert_eq!(method.verify(&[0; 3]), None);
            assert_eq!(Method::of_code(method.code()), Some(method));
        }
    }
}
