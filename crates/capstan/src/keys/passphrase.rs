//! Keys that follow from a passphrase, by Argon2id (RFC 9106).
//!
//! What it takes beside the passphrase, the salt above all, lies in the file `key-derivation` of the data
//! directory, and with every key that was wrapped: so a cartridge's files and the passphrase are enough,
//! and a lost `key-derivation` comes back from any cartridge.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;
use argon2::{Algorithm, Argon2, Params, Version};
use cartridge::{Derivation, EncryptionKey, KeyEncryptionKey};
use zeroize::Zeroizing;

use super::in_use;

/// RFC 9106 §4, the second recommended option: 64 MiB, three passes, four lanes.
const MEMORY_KIB: u32 = 64 << 10;
const ITERATIONS: u32 = 3;
const LANES: u32 = 4;
const SALT_BYTES: usize = 16;

/// What a file may ask of us.
const MEMORY_KIB_MAX: u32 = 1 << 20;
const ITERATIONS_MAX: u32 = 64;
const LANES_MAX: u32 = 64;
const SALT_BYTES_MAX: usize = 64;

/// Shorter ones are guessed, whatever Argon2 costs.
const PASSPHRASE_BYTES_MIN: usize = 12;

const ALGORITHM: &str = "argon2id";
const FILE: &str = "key-derivation";

/// Returns whether the gateway in `data` had a passphrase once.
pub fn was_used(data: &Path) -> bool {
    data.join(FILE).exists()
}

/// Returns the key that follows from `passphrase`, its first line, for the gateway in `data`.
pub fn derive(passphrase: &[u8], data: &Path) -> anyhow::Result<KeyEncryptionKey> {
    let line = passphrase.split(|byte| *byte == b'\n').next();
    let line = line.unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    anyhow::ensure!(
        line.len() >= PASSPHRASE_BYTES_MIN,
        "a passphrase has at least {PASSPHRASE_BYTES_MIN} bytes"
    );
    follow(line, parameters(data)?)
}

fn follow(passphrase: &[u8], derivation: Derivation) -> anyhow::Result<KeyEncryptionKey> {
    let salt = crate::hex::decode(&derivation.salt).unwrap_or_default();
    let known = derivation.algorithm == ALGORITHM
        && derivation.memory_kib <= MEMORY_KIB_MAX
        && derivation.iterations <= ITERATIONS_MAX
        && derivation.lanes <= LANES_MAX
        && (SALT_BYTES..=SALT_BYTES_MAX).contains(&salt.len());
    anyhow::ensure!(
        known,
        "{FILE}: asks for what is not supported: {derivation:?}"
    );
    let Derivation {
        memory_kib,
        iterations,
        lanes,
        ..
    } = derivation;
    let mut key = Zeroizing::new([0; EncryptionKey::BYTES]);
    let parameters = Params::new(memory_kib, iterations, lanes, Some(key.len()));
    let parameters = parameters.map_err(|error| anyhow::anyhow!("{FILE}: {error}"))?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(passphrase, &salt, &mut *key)
        .map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
    Ok(KeyEncryptionKey::new(&key).derived_by(derivation))
}

/// Returns the parameters of the gateway in `data`; makes them when there are none.
fn parameters(data: &Path) -> anyhow::Result<Derivation> {
    let path = data.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => {
            return serde_json::from_str(&text)
                .with_context(|| format!("{} is damaged", path.display()));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    }
    let derivation = match of_cartridges(data) {
        Some(derivation) => {
            tracing::warn!(file = %path.display(), "was lost; made again from a cartridge");
            derivation
        }
        None => new()?,
    };
    // Before anything is wrapped under what follows from it.
    store(&path, &derivation).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(derivation)
}

fn new() -> anyhow::Result<Derivation> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).context("the system has no random numbers")?;
    Ok(Derivation {
        algorithm: ALGORITHM.to_owned(),
        memory_kib: MEMORY_KIB,
        iterations: ITERATIONS,
        lanes: LANES,
        salt: crate::hex::encode(&salt),
    })
}

/// Returns what the first cartridge tells that knows.
fn of_cartridges(data: &Path) -> Option<Derivation> {
    in_use::key_files(data).find_map(|file| file.ok()?.derivations().next().cloned())
}

fn store(path: &Path, derivation: &Derivation) -> anyhow::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let new = path.with_extension("tmp");
    fs::write(&new, serde_json::to_string_pretty(derivation)? + "\n")?;
    fs::File::open(&new)?.sync_all()?;
    fs::rename(&new, path)?;
    Ok(fs::File::open(directory)?.sync_all()?)
}

#[cfg(test)]
mod tests {
    use cartridge::LocalStore;
    use uuid::Uuid;

    use super::*;

    /// Cheap, for tests that are not about the cost.
    fn cheap() -> Derivation {
        Derivation {
            memory_kib: 64,
            iterations: 1,
            lanes: 1,
            salt: "000102030405060708090a0b0c0d0e0f".to_owned(),
            ..new().unwrap()
        }
    }

    /// Part of the format: the key must be the same for ever.
    #[test]
    fn the_same_passphrase_and_salt_give_the_same_key() {
        let key = |text: &[u8], derivation| follow(text, derivation).unwrap();
        let one = key(b"correct horse battery staple", cheap());
        assert_eq!(one, key(b"correct horse battery staple", cheap()));
        assert_ne!(one.id(), key(b"correct horse battery stapl", cheap()).id());
        let salt = "ff0102030405060708090a0b0c0d0e0f".to_owned();
        let other = Derivation { salt, ..cheap() };
        assert_ne!(one.id(), key(b"correct horse battery staple", other).id());
        assert_eq!(one.derivation(), Some(&cheap()));
        assert_eq!(one.id().to_string(), "12e45f0a4a5bff1a");
    }

    #[test]
    fn parameters_are_made_once_and_the_line_end_does_not_count() {
        let data = tempfile::tempdir().unwrap();
        store(&data.path().join(FILE), &cheap()).unwrap();
        let one = derive(b"correct horse\r\nnext line", data.path()).unwrap();
        assert_eq!(one, derive(b"correct horse", data.path()).unwrap());
        let error = derive(b"too short", data.path()).unwrap_err().to_string();
        assert!(error.contains("at least 12"), "{error}");
        let fresh = tempfile::tempdir().unwrap();
        assert_eq!(
            parameters(fresh.path()).unwrap(),
            parameters(fresh.path()).unwrap()
        );
    }

    /// The files of one cartridge and the passphrase are enough.
    #[test]
    fn a_lost_salt_comes_back_from_a_cartridge() {
        let data = tempfile::tempdir().unwrap();
        store(&data.path().join(FILE), &cheap()).unwrap();
        let key = derive(b"correct horse", data.path()).unwrap();
        let uuid = Uuid::from_u128(7);
        let directory = data.path().join("cartridges").join(uuid.to_string());
        fs::create_dir_all(&directory).unwrap();
        let label = cartridge::Label {
            uuid,
            barcode: "CAP001L5".to_owned(),
            media: "LTO-5".to_owned(),
            density: 0x58,
            form: cartridge::Form::Data,
            layout: None,
            capacity_bytes: 1 << 30,
            created_unix_ms: 0,
            write_protected: false,
        };
        let files = || Box::new(LocalStore::new(&directory));
        cartridge::Cartridge::create(files(), &label).unwrap();
        let settings = cartridge::Settings {
            keys: cartridge::KeyRing::new([key.clone()]),
            ..cartridge::Settings::default()
        };
        let (mut tape, _) = cartridge::Cartridge::open(files(), settings).unwrap();
        tape.append_filemarks(1).unwrap();
        tape.unload().unwrap();
        fs::remove_file(data.path().join(FILE)).unwrap();
        assert_eq!(derive(b"correct horse", data.path()).unwrap(), key);
        assert!(data.path().join(FILE).exists());
    }

    #[test]
    fn what_would_cost_too_much_is_refused() {
        for derivation in [
            Derivation {
                memory_kib: MEMORY_KIB_MAX + 1,
                ..cheap()
            },
            Derivation {
                iterations: ITERATIONS_MAX + 1,
                ..cheap()
            },
            Derivation {
                lanes: LANES_MAX + 1,
                ..cheap()
            },
            Derivation {
                salt: "00".to_owned(),
                ..cheap()
            },
            Derivation {
                algorithm: "argon2i".to_owned(),
                ..cheap()
            },
        ] {
            assert!(follow(b"correct horse", derivation).is_err());
        }
    }
}
