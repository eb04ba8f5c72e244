//! Randomness comes from outside.

/// A source of bytes that nobody can predict: for CHAP challenges and identifiers.
///
/// Closures `FnMut(&mut [u8]) + Send` are sources. What it gives must come from the operating
/// system's generator; only tests may do otherwise.
pub trait RandomSource: Send {
    /// Fills `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl<F: FnMut(&mut [u8]) + Send> RandomSource for F {
    fn fill(&mut self, bytes: &mut [u8]) {
        self(bytes);
    }
}
