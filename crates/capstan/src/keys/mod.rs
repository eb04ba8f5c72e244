//! Key-encryption keys: where they come from.
//!
//! A key is 32 bytes, from a file, an environment variable or a systemd credential, or it follows from a
//! passphrase out of one of these ([`passphrase`]). It is never taken from the command line, where every
//! user of the machine could read it, and it lies in memory only, in types that wipe it.

pub mod in_use;
pub mod key_file;
pub mod passphrase;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cartridge::{EncryptionKey, KeyEncryptionKey, KeyRing};
use zeroize::Zeroizing;

/// Where one key-encryption key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySource {
    /// What is found there.
    pub kind: KeyKind,
    /// Where.
    pub place: KeyPlace,
}

/// What is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// The key: 32 bytes, or their hexadecimal digits, or base64.
    Key,
    /// A passphrase from which the key follows.
    Passphrase,
}

/// A place for secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// A file.
    File(PathBuf),
    /// An environment variable, as secret stores set them.
    Environment(String),
    /// A credential of systemd: a file in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == KeyKind::Passphrase {
            f.write_str("passphrase, ")?;
        }
        match &self.place {
            KeyPlace::File(path) => write!(f, "file {}", path.display()),
            KeyPlace::Environment(name) => write!(f, "environment variable {name}"),
            KeyPlace::Credential(name) => write!(f, "credential {name}"),
        }
    }
}

/// Reads the keys of `sources` for the gateway whose data are in `data`. The first is for new cartridges.
pub fn load(sources: &[KeySource], data: &Path) -> anyhow::Result<KeyRing> {
    let mut keys: Vec<KeyEncryptionKey> = Vec::new();
    for source in sources {
        let key = load_one(source, data).with_context(|| format!("encryption key: {source}"))?;
        if keys.iter().any(|other| other.id() == key.id()) {
            anyhow::bail!("encryption key: {source}: the same key is there already");
        }
        keys.push(key);
    }
    Ok(KeyRing::new(keys))
}

fn load_one(source: &KeySource, data: &Path) -> anyhow::Result<KeyEncryptionKey> {
    let secret = read_place(&source.place)?;
    match source.kind {
        KeyKind::Key => Ok(KeyEncryptionKey::new(&*parse(&secret)?)),
        KeyKind::Passphrase => passphrase::derive(&secret, data),
    }
}

fn read_place(place: &KeyPlace) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    match place {
        KeyPlace::File(path) => key_file::read(path),
        KeyPlace::Environment(name) => {
            let value = std::env::var_os(name).context("is not set")?;
            Ok(Zeroizing::new(value.into_encoded_bytes()))
        }
        KeyPlace::Credential(name) => {
            let directory = std::env::var_os("CREDENTIALS_DIRECTORY")
                .context("there is no $CREDENTIALS_DIRECTORY: only systemd sets it, for LoadCredential= and LoadCredentialEncrypted=")?;
            key_file::read(&Path::new(&directory).join(name))
        }
    }
}

/// Returns the key that `secret` is: 32 bytes, 64 hexadecimal digits, or 44 characters of base64.
fn parse(secret: &[u8]) -> anyhow::Result<Zeroizing<[u8; EncryptionKey::BYTES]>> {
    let mut key = Zeroizing::new([0; EncryptionKey::BYTES]);
    if secret.len() == key.len() {
        key.copy_from_slice(secret);
        return Ok(key);
    }
    let text = secret.trim_ascii();
    let bytes = match text.len() {
        64 => std::str::from_utf8(text).ok().and_then(crate::hex::decode),
        44 => STANDARD.decode(text).ok(),
        _ => None,
    };
    let bytes = Zeroizing::new(bytes.unwrap_or_default());
    anyhow::ensure!(
        bytes.len() == key.len(),
        "is no key: 32 bytes, or 64 hexadecimal digits, or 44 characters of base64; \
         `capstan key generate FILE` makes one"
    );
    key.copy_from_slice(&bytes);
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_bytes_or_hexadecimal_digits_or_base64() {
        let key: [u8; 32] = std::array::from_fn(|at| u8::try_from(at).unwrap() * 7);
        let hex = crate::hex::encode(&key);
        let base64 = format!("{}\n", STANDARD.encode(key));
        for text in [
            &key[..],
            hex.as_bytes(),
            hex.to_uppercase().as_bytes(),
            base64.as_bytes(),
        ] {
            assert_eq!(*parse(text).unwrap(), key);
        }
        for text in [
            &b""[..],
            &key[..31],
            &hex.as_bytes()[1..],
            b"correct horse battery staple",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("capstan key generate"), "{error}");
        }
    }

    #[test]
    fn one_key_twice_is_a_mistake() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        key_file::generate(&file).unwrap();
        let source = KeySource {
            kind: KeyKind::Key,
            place: KeyPlace::File(file),
        };
        assert_eq!(
            load(std::slice::from_ref(&source), folder.path())
                .unwrap()
                .keys()
                .len(),
            1
        );
        let error = load(&[source.clone(), source], folder.path()).unwrap_err();
        assert!(error.to_string().contains("already"), "{error}");
    }
}
