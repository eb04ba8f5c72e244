//! Page 88h, SCSI ports (SPC-5 §7.8.16).

use super::Designator;

/// A port through which the logical unit is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScsiPort {
    /// Its relative port identifier.
    pub relative: u16,
    /// What names it, as in page 83h.
    pub designators: Vec<Designator>,
}

/// Returns the body of the page: target ports, none of which is an initiator port.
pub fn scsi_ports(ports: &[ScsiPort]) -> Vec<u8> {
    let mut body = Vec::new();
    for port in ports {
        let names: Vec<u8> = port
            .designators
            .iter()
            .flat_map(Designator::to_bytes)
            .collect();
        body.extend_from_slice(&[0, 0]);
        body.extend_from_slice(&port.relative.to_be_bytes());
        body.extend_from_slice(&[0; 6]); // no transport id of an initiator port
        #[allow(clippy::cast_possible_truncation)] // a few names of at most 255 bytes
        body.extend_from_slice(&(names.len() as u16).to_be_bytes());
        body.extend_from_slice(&names);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_with_its_name() {
        let port = ScsiPort {
            relative: 1,
            designators: vec![Designator::TargetPortName("iqn.x,t,0x0001".into())],
        };
        let body = scsi_ports(&[port]);
        assert_eq!(body[..12], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 20]);
        assert_eq!(&body[12..], b"\x53\x98\x00\x10iqn.x,t,0x0001\0\0");
    }
}
