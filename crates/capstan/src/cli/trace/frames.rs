//! A PDU in a TCP segment in an IP packet in an Ethernet frame, as though it had been caught on its way.
//!
//! Written by hand: three headers without options, which a crate for packets would not make shorter.

/// One of the two ends of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// IPv4 address; the last bytes of the MAC address are the same.
    pub(super) address: [u8; 4],
    pub(super) port: u16,
}

/// Which way a segment goes, and where it stands in both streams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) from: End,
    pub(super) to: End,
    pub(super) sequence: u32,
    pub(super) acknowledged: u32,
    /// Tells packets of one sender apart (RFC 791 §3.1, Identification).
    pub(super) identification: u16,
}

/// Returns the frame that carries `payload`, which fits one.
pub(super) fn frame(segment: Segment, payload: &[u8]) -> Vec<u8> {
    let tcp = tcp(segment, payload);
    let mut frame = Vec::with_capacity(ETHERNET_LENGTH + IP_LENGTH + tcp.len());
    frame.extend_from_slice(&mac(segment.to));
    frame.extend_from_slice(&mac(segment.from));
    frame.extend_from_slice(&ETHERTYPE_IPV4);
    frame.extend_from_slice(&ip(segment, tcp.len()));
    frame.extend_from_slice(&tcp);
    frame
}

/// A locally administered address (IEEE 802, bit 1 of the first byte).
fn mac(end: End) -> [u8; 6] {
    let [a, b, c, d] = end.address;
    [0x02, 0x00, a, b, c, d]
}

/// RFC 791 §3.1.
fn ip(segment: Segment, payload_length: usize) -> [u8; IP_LENGTH] {
    let mut header = [0; IP_LENGTH];
    header[0] = 0x45; // version 4, five words
    #[allow(clippy::cast_possible_truncation)] // one PDU with 256 bytes of data
    header[2..4].copy_from_slice(&((IP_LENGTH + payload_length) as u16).to_be_bytes());
    header[4..6].copy_from_slice(&segment.identification.to_be_bytes());
    header[6] = 0x40; // don't fragment
    header[8] = 64; // time to live
    header[9] = PROTOCOL_TCP;
    header[12..16].copy_from_slice(&segment.from.address);
    header[16..20].copy_from_slice(&segment.to.address);
    let sum = checksum(&[&header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

/// RFC 9293 §3.1.
fn tcp(segment: Segment, payload: &[u8]) -> Vec<u8> {
    let mut tcp = vec![0; TCP_LENGTH];
    tcp[0..2].copy_from_slice(&segment.from.port.to_be_bytes());
    tcp[2..4].copy_from_slice(&segment.to.port.to_be_bytes());
    tcp[4..8].copy_from_slice(&segment.sequence.to_be_bytes());
    tcp[8..12].copy_from_slice(&segment.acknowledged.to_be_bytes());
    tcp[12] = 0x50; // five words
    tcp[13] = 0x18; // PSH, ACK
    tcp[14..16].copy_from_slice(&u16::MAX.to_be_bytes()); // window
    tcp.extend_from_slice(payload);
    let mut pseudo = [0; 12];
    pseudo[0..4].copy_from_slice(&segment.from.address);
    pseudo[4..8].copy_from_slice(&segment.to.address);
    pseudo[9] = PROTOCOL_TCP;
    #[allow(clippy::cast_possible_truncation)] // as above
    pseudo[10..12].copy_from_slice(&(tcp.len() as u16).to_be_bytes());
    let sum = checksum(&[&pseudo, &tcp]);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    tcp
}

/// The Internet checksum (RFC 1071). All parts but the last have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u32 = words
        .map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    #[allow(clippy::cast_possible_truncation)] // folded above
    !(sum as u16)
}

const ETHERNET_LENGTH: usize = 14;
const IP_LENGTH: usize = 20;
const TCP_LENGTH: usize = 20;
const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
const PROTOCOL_TCP: u8 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_sum_up_to_nothing() {
        let segment = Segment {
            from: End {
                address: [10, 0, 0, 1],
                port: 50000,
            },
            to: End {
                address: [10, 0, 1, 1],
                port: 3260,
            },
            sequence: 7,
            acknowledged: 9,
            identification: 3,
        };
        let frame = frame(segment, b"abc");
        assert_eq!(frame.len(), 14 + 20 + 20 + 3);
        let (ip, tcp) = frame[14..].split_at(20);
        assert_eq!(
            checksum(&[ip]),
            0,
            "a header with its checksum sums up to 0"
        );
        let pseudo = [&ip[12..20], &[0, 6, 0, 23]].concat();
        assert_eq!(checksum(&[&pseudo, tcp]), 0);
    }
}
