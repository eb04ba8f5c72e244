//! Page 10h: the last self-tests (SPC-5 §7.3.16).

use crate::sense::Sense;
use crate::spc::log::Parameter;

/// Self-test results.
pub const SELF_TEST_RESULTS: u8 = 0x10;
/// How many results there are.
pub const RESULTS_MAX: usize = 20;

/// A self-test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfTest {
    /// How long the drive had been on, in hours.
    pub power_on_hours: u16,
    /// What was found.
    pub result: Result<(), Sense>,
}

/// Returns the parameters: twenty results, the last test first, zeros for those that were not done.
pub fn parameters<'a>(tests: impl IntoIterator<Item = &'a SelfTest>) -> Vec<Parameter> {
    let mut tests = tests.into_iter();
    (1..=RESULTS_MAX)
        .zip(1_u16..)
        .map(|(_, code)| {
            let value = tests.next().map_or([0; 16], |test| test.to_bytes());
            Parameter::binary(code, value)
        })
        .collect()
}

impl SelfTest {
    fn to_bytes(self) -> [u8; 16] {
        /// SELF-TEST RESULTS: completed without error, and "an unknown segment failed".
        const GOOD: u8 = 0;
        const FAILED: u8 = 7;
        let mut value = [0; 16];
        value[2..4].copy_from_slice(&self.power_on_hours.to_be_bytes());
        value[4..12].fill(0xff); // ADDRESS OF FIRST FAILURE: there is none
        match self.result {
            // SELF-TEST CODE 000b: the default self-test.
            Ok(()) => value[0] = GOOD,
            Err(sense) => {
                value[0] = FAILED;
                value[12] = sense.key as u8;
                value[13] = sense.additional.0;
                value[14] = sense.additional.1;
            }
        }
        value
    }
}
