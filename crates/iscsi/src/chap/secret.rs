//! A CHAP secret in memory.

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret. It is wiped when dropped, never printed, and compared in a time that depends on the
/// lengths only.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Below this many bytes a secret can be guessed from one exchange (RFC 7143 §12.1.3: 96 bits).
    pub const LENGTH_MIN_SAFE: usize = 12;

    /// Takes a secret over. What a vector that has grown left behind in memory stays there: make it
    /// with its length.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns whether the operator should be warned that the secret is too short.
    pub fn is_short(&self) -> bool {
        self.0.len() < Self::LENGTH_MIN_SAFE
    }

    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for Secret {}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chap::{ChapPolicy, Credential};
    use crate::event::{Authentication, LoginDecision, LoginTerms};

    /// Memory after a drop cannot be looked at without `unsafe`; the bound is what the crate
    /// promises. The hashes keep a block of the secret inside.
    #[test]
    fn secrets_and_the_hashes_over_them_are_wiped_when_dropped() {
        fn is_wiped<T: ZeroizeOnDrop>() {}
        is_wiped::<Secret>();
        is_wiped::<md5::Md5>();
        is_wiped::<sha1::Sha1>();
        is_wiped::<sha2::Sha256>();
        is_wiped::<sha3::Sha3_256>();
        let mut secret = Secret::new(b"correct horse 12".to_vec());
        secret.zeroize();
        assert_eq!(secret.expose(), b"");
    }

    #[test]
    fn secrets_are_equal_when_all_bytes_are() {
        let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
        assert_eq!(secret("correct horse"), secret("correct horse"));
        for other in ["correct horsf", "dorrect horse", "correct hors", ""] {
            assert_ne!(secret("correct horse"), secret(other));
        }
    }

    #[test]
    fn nothing_that_holds_a_secret_prints_it() {
        let credential = Credential {
            name: "backup".into(),
            secret: Secret::new(b"correct horse 12".to_vec()),
        };
        let policy = ChapPolicy::new(vec![credential.clone()], Some(credential));
        let decision = LoginDecision::Allow(LoginTerms {
            authentication: Authentication::Chap(policy.clone()),
            portal_group_tag: 1,
            target_alias: None,
            inherited: None,
        });
        let exchange = crate::chap::ChapTarget::new(policy);
        for printed in [format!("{decision:?}"), format!("{exchange:#?}")] {
            assert!(printed.contains("backup") && printed.contains("Secret(…)"));
            assert!(!printed.contains("correct"), "{printed}");
            assert!(!printed.contains("99, 111, 114"), "as numbers: {printed}");
        }
    }
}
