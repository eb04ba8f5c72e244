//! Files with a key or a passphrase.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cartridge::{EncryptionKey, KeyEncryptionKey, KeyId};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// The largest file that can hold a key or a passphrase.
const FILE_BYTES_MAX: u64 = 4096;
/// The permissions of everybody who is neither owner nor in the group.
const FOR_OTHERS: u32 = 0o007;
/// With room to spare: a vector that grows leaves a copy behind.
const FILE_ROOM: usize = 8192;

/// Reads a file with a secret. One that every user of the machine can read or change is refused.
pub fn read(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let shown = path.display();
    let file = OpenOptions::new()
        .read(true)
        // Opening a FIFO would wait for somebody to write.
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .with_context(|| format!("cannot read {shown}"))?;
    let metadata = file.metadata()?;
    anyhow::ensure!(
        metadata.is_file() && metadata.len() <= FILE_BYTES_MAX,
        "{shown} is not a small file"
    );
    anyhow::ensure!(
        metadata.mode() & FOR_OTHERS == 0,
        "every user of this machine can open {shown}; chmod 600 it"
    );
    let mut content = Zeroizing::new(Vec::with_capacity(FILE_ROOM));
    file.take(FILE_BYTES_MAX).read_to_end(&mut content)?;
    Ok(content)
}

/// Makes a new key in a new file that only its owner can read. Durable when it returns.
pub fn generate(path: &Path) -> anyhow::Result<KeyId> {
    let shown = path.display();
    let mut key = Zeroizing::new([0; EncryptionKey::BYTES]);
    getrandom::fill(&mut *key).context("the system has no random numbers")?;
    let text = Zeroizing::new(STANDARD.encode(*key) + "\n");
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true) // a key that is written over is lost
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot create {shown}"))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    std::fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(KeyEncryptionKey::new(&key).id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_key_is_its_owners_alone_and_no_file_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tapes.key");
        generate(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        let before = read(&path).unwrap();
        assert!(generate(&path).is_err());
        assert_eq!(*read(&path).unwrap(), *before);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tapes.key");
        generate(&path).unwrap();
        for (mode, good) in [(0o644, false), (0o602, false), (0o640, true), (0o400, true)] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(read(&path).is_ok(), good, "{mode:o}");
        }
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("not a small file"), "{error}");
    }
}
