//! CHAP accounts: a user name and a secret that is only ever read from a file.

use std::fmt;
use std::fs::{Metadata, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A CHAP secret in memory, wiped when dropped and never printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Returns a secret of these bytes, or why they cannot be one.
    pub fn new(bytes: Vec<u8>) -> Result<Self, String> {
        let secret = Self(bytes);
        let length = secret.0.len();
        if !(SECRET_LENGTH_MIN..=SECRET_LENGTH_MAX).contains(&length) {
            return Err(format!(
                "the secret has {length} bytes; allowed are {SECRET_LENGTH_MIN} to \
                 {SECRET_LENGTH_MAX} (Windows takes 12 to 16)"
            ));
        }
        Ok(secret)
    }

    /// Returns the secret's bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// One side's name and secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChapAccount {
    /// The name that is sent with the response, `CHAP_N`.
    pub user: String,
    /// Where the secret was read from.
    pub secret_file: PathBuf,
    /// The secret.
    pub secret: Secret,
}

/// Reads a secret: the first line of `path`, without its line end.
///
/// A file that everybody on the machine may change is refused: they would choose the secret. One that
/// everybody may read comes with a warning and no more, because container runtimes mount secrets
/// so, where nobody else lives.
pub fn read_secret(path: &Path) -> Result<(Secret, Option<String>), String> {
    let shown = path.display();
    let unreadable = |error| format!("cannot read secret file {shown}: {error}");
    let file = OpenOptions::new()
        .read(true)
        // Opening a FIFO would wait for somebody to write.
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() || metadata.len() > SECRET_FILE_SIZE_MAX {
        return Err(format!(
            "{shown} is not a small file with a secret in its first line"
        ));
    }
    let warning = judge_mode(path, &metadata)?;
    // With room to spare: a vector that grows leaves a copy behind.
    let mut content = Zeroizing::new(Vec::with_capacity(SECRET_FILE_ROOM));
    file.take(SECRET_FILE_SIZE_MAX)
        .read_to_end(&mut content)
        .map_err(unreadable)?;
    let line = content.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let secret = Secret::new(line.to_vec()).map_err(|error| format!("{shown}: {error}"))?;
    Ok((secret, warning))
}

fn judge_mode(path: &Path, metadata: &Metadata) -> Result<Option<String>, String> {
    let shown = path.display();
    let for_others = metadata.mode() & 0o007;
    if for_others & 0o002 != 0 {
        return Err(format!(
            "every user of this machine can change the secret file {shown}; chmod 600 it"
        ));
    }
    Ok((for_others & 0o004 != 0).then(|| {
        format!("every user of this machine can read the secret file {shown}; chmod 600 it")
    }))
}

/// RFC 7143 §9.2.1: secrets under 96 bits must not be used without further protection.
const SECRET_LENGTH_MIN: usize = 12;
/// A secret that nobody can type anyway.
const SECRET_LENGTH_MAX: usize = 255;
const SECRET_FILE_SIZE_MAX: u64 = 4096;
const SECRET_FILE_ROOM: usize = 8192;

const _: () = assert!(SECRET_FILE_ROOM as u64 > SECRET_FILE_SIZE_MAX);

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn secret_file(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    #[test]
    fn a_secret_is_the_first_line_of_its_file() {
        let file = secret_file(b"correct horse\r\nsecond line\n");
        let (secret, warning) = read_secret(file.path()).unwrap();
        assert_eq!(secret.expose(), b"correct horse");
        assert_eq!(warning, None, "a temporary file has mode 0600");
    }

    #[test]
    fn short_and_long_secrets_are_refused() {
        let error = read_secret(secret_file(b"short\n").path()).unwrap_err();
        assert!(error.contains("12 to 255"), "{error}");
        let error = read_secret(secret_file(&[b'x'; 300]).path()).unwrap_err();
        assert!(error.contains("12 to 255"), "{error}");
    }

    #[test]
    fn a_secret_file_that_everybody_can_read_is_warned_about() {
        let file = secret_file(b"correct horse\n");
        std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o644)).unwrap();
        let (_, warning) = read_secret(file.path()).unwrap();
        assert!(warning.unwrap().contains("chmod 600"));
    }

    #[test]
    fn a_secret_file_that_everybody_can_change_is_refused() {
        let file = secret_file(b"correct horse\n");
        std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o602)).unwrap();
        let error = read_secret(file.path()).unwrap_err();
        assert!(error.contains("can change"), "{error}");
        std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o640)).unwrap();
        let (_, warning) = read_secret(file.path()).unwrap();
        assert_eq!(warning, None, "a group of the daemon's own is nobody else");
    }

    #[test]
    fn what_is_no_file_is_refused_and_nobody_waits_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        let mode = rustix::fs::Mode::RUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        for path in [fifo.as_path(), folder.path(), Path::new("/dev/zero")] {
            let error = read_secret(path).unwrap_err();
            assert!(error.contains("not a small file"), "{error}");
        }
    }

    #[test]
    fn a_secret_is_never_printed_and_wiped_when_dropped() {
        fn is_wiped<T: ZeroizeOnDrop>(_: &T) {}
        let mut secret = Secret::new(b"correct horse".to_vec()).unwrap();
        is_wiped(&secret);
        let account = ChapAccount {
            user: "backup".to_owned(),
            secret_file: "x".into(),
            secret: secret.clone(),
        };
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert!(!format!("{account:#?}").contains("correct"));
        secret.zeroize();
        assert_eq!(secret.expose(), b"");
    }
}
