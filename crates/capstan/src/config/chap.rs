//! CHAP accounts: a user name and a secret that is only ever read from a file.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// A CHAP secret in memory, wiped when dropped and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Returns a secret of these bytes, or why they cannot be one.
    pub fn new(bytes: Vec<u8>) -> Result<Self, String> {
        let bytes = Zeroizing::new(bytes);
        if bytes.len() < SECRET_LENGTH_MIN || bytes.len() > SECRET_LENGTH_MAX {
            return Err(format!(
                "the secret has {} bytes; allowed are {SECRET_LENGTH_MIN} to {SECRET_LENGTH_MAX} \
                 (Windows takes 12 to 16)",
                bytes.len()
            ));
        }
        Ok(Self(bytes))
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
/// Returns with it a warning when everybody on the machine may read the file.
pub fn read_secret(path: &Path) -> Result<(Secret, Option<String>), String> {
    let shown = path.display();
    let metadata = std::fs::metadata(path)
        .map_err(|error| format!("cannot read secret file {shown}: {error}"))?;
    if !metadata.is_file() || metadata.len() > SECRET_FILE_SIZE_MAX {
        return Err(format!(
            "{shown} is not a small file with a secret in its first line"
        ));
    }
    let content = std::fs::read(path)
        .map(Zeroizing::new)
        .map_err(|error| format!("cannot read secret file {shown}: {error}"))?;
    let line = content.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let secret = Secret::new(line.to_vec()).map_err(|error| format!("{shown}: {error}"))?;
    let warning = (metadata.mode() & 0o004 != 0).then(|| {
        format!("every user of this machine can read the secret file {shown}; chmod 600 it")
    });
    Ok((secret, warning))
}

/// RFC 7143 §9.2.1: secrets under 96 bits must not be used without further protection.
const SECRET_LENGTH_MIN: usize = 12;
/// A secret that nobody can type anyway.
const SECRET_LENGTH_MAX: usize = 255;
const SECRET_FILE_SIZE_MAX: u64 = 4096;

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
    fn a_secret_is_never_printed() {
        let secret = Secret::new(b"correct horse".to_vec()).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
