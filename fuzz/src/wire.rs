//! PDUs as bytes, on the judges' own account (RFC 7143 §11.1, §13.1).

/// Which digests are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    /// HeaderDigest=CRC32C.
    pub header: bool,
    /// DataDigest=CRC32C.
    pub data: bool,
}

/// A basic header segment.
pub type Header = [u8; 48];

/// Returns the CRC32C of `bytes` as it stands on the wire, bit by bit as RFC 3720 appendix B.4 says.
pub fn crc32c(bytes: &[u8]) -> [u8; 4] {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc = TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ crc >> 8;
    }
    (!crc).to_le_bytes()
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0x82f6_3b78
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

/// Returns four bytes of a header as a number.
pub fn u32_at(header: &Header, offset: usize) -> u32 {
    u32::from_be_bytes(header[offset..offset + 4].try_into().unwrap())
}

/// Writes four bytes of a header.
pub fn put_u32(header: &mut Header, offset: usize, value: u32) {
    header[offset..offset + 4].copy_from_slice(&value.to_be_bytes());
}

/// Returns the length of the data segment that a header announces.
pub fn data_length(header: &Header) -> usize {
    (u32_at(header, 4) & 0x00ff_ffff) as usize
}

/// Returns a PDU's bytes; the lengths in the header are set.
///
/// # Panics
/// When the additional headers are no whole words or too long.
pub fn frame(mut header: Header, additional: &[u8], data: &[u8], digests: Digests) -> Vec<u8> {
    assert!(additional.len().is_multiple_of(4));
    header[4] = u8::try_from(additional.len() / 4).unwrap();
    header[5..8].copy_from_slice(&(data.len() as u32).to_be_bytes()[1..]);
    let mut bytes = header.to_vec();
    bytes.extend_from_slice(additional);
    if digests.header {
        bytes.extend(crc32c(&bytes));
    }
    let start = bytes.len();
    bytes.extend_from_slice(data);
    bytes.resize(start + data.len().next_multiple_of(4), 0);
    if digests.data && !data.is_empty() {
        bytes.extend(crc32c(&bytes[start..]));
    }
    bytes
}

/// A PDU from the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdu {
    /// Its header.
    pub header: Header,
    /// Its data.
    pub data: Vec<u8>,
}

impl Pdu {
    /// Returns its opcode.
    pub fn opcode(&self) -> u8 {
        self.header[0]
    }

    /// Returns four bytes of its header.
    pub fn u32(&self, offset: usize) -> u32 {
        u32_at(&self.header, offset)
    }

    /// Returns its initiator task tag.
    pub fn tag(&self) -> u32 {
        self.u32(16)
    }
}

/// Cuts what a target sends into PDUs.
#[derive(Debug, Default)]
pub struct Deframer {
    bytes: Vec<u8>,
    /// The header at the front was returned by [`Deframer::next_header`].
    announced: bool,
    /// Which digests the next PDU has.
    pub digests: Digests,
}

impl Deframer {
    /// Takes bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns whether bytes are left of a PDU that is not complete.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the header of the PDU that comes next, once, as soon as it is there.
    pub fn next_header(&mut self) -> Option<Header> {
        let header = self.bytes.get(..48)?.try_into().unwrap();
        (!std::mem::replace(&mut self.announced, true)).then_some(header)
    }

    /// Returns the next whole PDU.
    ///
    /// # Panics
    /// When it has additional headers, a wrong digest, or padding that is not zero.
    pub fn next_pdu(&mut self) -> Option<Pdu> {
        let header: Header = self.bytes.get(..48)?.try_into().unwrap();
        assert_eq!(header[4], 0, "a target sends no additional headers");
        let length = data_length(&header);
        let padded = length.next_multiple_of(4);
        let mut start = 48;
        if self.digests.header {
            start += 4;
        }
        let mut end = start + padded;
        if self.digests.data && length > 0 {
            end += 4;
        }
        let bytes = self.bytes.get(..end)?;
        if self.digests.header {
            assert_eq!(bytes[48..52], crc32c(&header), "header digest");
        }
        let segment = &bytes[start..start + padded];
        if self.digests.data && length > 0 {
            assert_eq!(bytes[start + padded..], crc32c(segment), "data digest");
        }
        assert!(segment[length..].iter().all(|byte| *byte == 0), "padding");
        let data = segment[..length].to_vec();
        self.bytes.drain(..end);
        self.announced = false;
        Some(Pdu { header, data })
    }
}
