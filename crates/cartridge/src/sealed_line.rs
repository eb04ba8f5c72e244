//! Two lines of text that a person can read: one line, and its CRC32C. Label and memory are such files.

/// What the second line begins with.
const CHECKSUM_PREFIX: &str = "crc32c ";

/// Returns the text of a file with `line`, which has no line feed.
pub(crate) fn seal(line: &str) -> Vec<u8> {
    let checksum = crc_fast::crc32_iscsi(line.as_bytes());
    format!("{line}\n{CHECKSUM_PREFIX}{checksum:08x}\n").into_bytes()
}

/// Returns the line in the text of a file, or what is wrong with it.
pub(crate) fn open(text: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(text).map_err(|_| "is not text")?;
    let (line, rest) = text.split_once('\n').ok_or("has no second line")?;
    let checksum = rest
        .strip_prefix(CHECKSUM_PREFIX)
        .and_then(|rest| rest.strip_suffix('\n'))
        .ok_or("has no checksum")?;
    if checksum != format!("{:08x}", crc_fast::crc32_iscsi(line.as_bytes())) {
        return Err("checksum mismatch".to_owned());
    }
    Ok(line)
}
