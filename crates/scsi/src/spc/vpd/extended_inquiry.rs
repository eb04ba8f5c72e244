//! Page 86h, extended INQUIRY data (SPC-5 §7.8.7).

/// What the page says of a device. Commands of a task set are worked off in their order, so simple
/// and ordered tasks are supported; head of queue is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedInquiry {
    /// SPT 001b: a tape drive that protects logical blocks on their way (SSC-5).
    pub logical_block_protection: bool,
}

impl ExtendedInquiry {
    /// Returns the body of the page.
    pub fn to_bytes(self) -> Vec<u8> {
        const SPT_LOGICAL_BLOCK_PROTECTION: u8 = 0b001 << 3;
        const ORDSUP: u8 = 0x02;
        const SIMPSUP: u8 = 0x01;
        let mut body = vec![0; LENGTH];
        if self.logical_block_protection {
            body[0] = SPT_LOGICAL_BLOCK_PROTECTION;
        }
        body[1] = ORDSUP | SIMPSUP;
        body
    }
}

/// PAGE LENGTH: bytes 4 to 63.
const LENGTH: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protection_and_task_attributes() {
        let page = |logical_block_protection| {
            ExtendedInquiry {
                logical_block_protection,
            }
            .to_bytes()
        };
        assert_eq!(page(true).len(), 60);
        assert_eq!(page(true)[..3], [0x08, 0x03, 0], "SPT, ORDSUP SIMPSUP");
        assert_eq!(page(false)[0], 0);
    }
}
