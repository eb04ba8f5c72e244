//! A log parameter (SPC-5 §7.3.2.2).

/// How a value is to be understood: FORMAT AND LINKING (SPC-5 table 253).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A counter that stays at its greatest value. It has a threshold.
    Counter,
    /// Text.
    Text,
    /// A number that is no bounded counter: a state, a measure, a quantity that may fall.
    Number,
    /// Bytes with a meaning of their own.
    Binary,
}

/// A parameter of a log page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its code.
    pub code: u16,
    /// What it is.
    pub format: Format,
    /// Whether LOG SELECT may set it. Only counters may.
    pub changeable: bool,
    /// The value, at most 255 bytes.
    pub value: Vec<u8>,
}

impl Parameter {
    /// Returns a counter of `width` bytes, at most eight. A count that does not fit stays at the
    /// greatest value that does.
    pub fn counter(code: u16, count: u64, width: usize) -> Self {
        Self::of(code, Format::Counter, fit(count, width))
    }

    /// Returns a number of `width` bytes, at most eight, cut like a counter.
    pub fn number(code: u16, value: u64, width: usize) -> Self {
        Self::of(code, Format::Number, fit(value, width))
    }

    /// Returns text, padded with spaces to `width` and cut there.
    pub fn text(code: u16, text: &str, width: usize) -> Self {
        let mut value = text.as_bytes().to_vec();
        value.resize(width, b' ');
        Self::of(code, Format::Text, value)
    }

    /// Returns bytes with a meaning of their own.
    pub fn binary(code: u16, value: impl Into<Vec<u8>>) -> Self {
        Self::of(code, Format::Binary, value.into())
    }

    /// Returns the same parameter, which LOG SELECT may set.
    #[must_use]
    pub fn changeable(mut self) -> Self {
        self.changeable = true;
        self
    }

    fn of(code: u16, format: Format, value: Vec<u8>) -> Self {
        assert!(value.len() <= 255, "PARAMETER LENGTH has one byte");
        Self {
            code,
            format,
            changeable: false,
            value,
        }
    }

    /// Returns the control byte: DU, TSD, ETC and TMC are zero, since nothing stops counting, is
    /// saved on request or compared.
    pub const fn control(&self) -> u8 {
        match self.format {
            Format::Counter => 0x00,
            Format::Text => 0x01,
            Format::Number => 0x02,
            Format::Binary => 0x03,
        }
    }

    /// Appends code, control byte, length and `value`, which is as long as the parameter's own.
    pub(super) fn put(&self, value: &[u8], page: &mut Vec<u8>) {
        page.extend_from_slice(&self.code.to_be_bytes());
        #[allow(clippy::cast_possible_truncation)] // 255 bytes at most, see `of`
        page.extend_from_slice(&[self.control(), value.len() as u8]);
        page.extend_from_slice(value);
    }
}

/// Returns `value` in `width` bytes.
fn fit(value: u64, width: usize) -> Vec<u8> {
    assert!(width <= 8, "numbers have eight bytes");
    let bytes = value.to_be_bytes();
    let (lost, kept) = bytes.split_at(8 - width);
    if lost.iter().all(|byte| *byte == 0) {
        kept.to_vec()
    } else {
        vec![0xff; width]
    }
}
