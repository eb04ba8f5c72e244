//! iSCSI names (RFC 7143 §4.2.7).

/// The longest iSCSI name in bytes (RFC 7143 §4.2.7.1).
pub const NAME_LENGTH_MAX: usize = 223;

/// Returns `name` as names are compared, or `None` when it is no iSCSI name.
///
/// Names are compared after normalisation, which for the ASCII part means lower case (RFC 3722).
/// Characters outside ASCII are let through as they came: an initiator that uses them has
/// normalised them itself, as the standard demands.
pub fn normalise(name: &str) -> Option<String> {
    if name.len() > NAME_LENGTH_MAX {
        return None;
    }
    let name = name.to_lowercase();
    let rest = name.get(4..)?;
    let valid = match name.get(..4)? {
        "iqn." => is_iqn(rest),
        "eui." => is_hexadecimal(rest, &[16]),
        "naa." => is_hexadecimal(rest, &[16, 32]),
        _ => false,
    };
    valid.then_some(name)
}

/// `yyyy-mm.reversed.domain[:anything]`, the date and domain loosely: the world has names with
/// odd dates in it, and refusing them helps nobody.
fn is_iqn(rest: &str) -> bool {
    !rest.is_empty()
        && rest
            .chars()
            .all(|c| !(c.is_control() || c.is_whitespace() || FORBIDDEN.contains(c)))
}

/// ASCII that RFC 3722 §6.2 prohibits and that nobody was seen to use in a name.
const FORBIDDEN: &str = "!\"#$%&'()*+,/;<=>?@[\\]^`{|}~";

fn is_hexadecimal(rest: &str, lengths: &[usize]) -> bool {
    lengths.contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_in_lower_case() {
        assert_eq!(
            normalise("IQN.1991-05.com.Microsoft:HOST_1").as_deref(),
            Some("iqn.1991-05.com.microsoft:host_1")
        );
    }

    #[test]
    fn three_formats_and_nothing_else() {
        assert!(normalise("eui.02004567A425678D").is_some());
        assert!(normalise("naa.52004567BA64678D").is_some());
        assert!(normalise("naa.62004567BA64678D0123456789ABCDEF").is_some());
        for bad in [
            "",
            "iqn",
            "iqn.",
            "eui.0200",
            "naa.0",
            "wwn.1234567890123456",
            "iqn.2026-11.io.example:a b",
            "iqn.2026-11.io.example:a=b",
            "é",
        ] {
            assert_eq!(normalise(bad), None, "{bad}");
        }
        let longest = format!("iqn.{}", "a".repeat(NAME_LENGTH_MAX - 4));
        assert!(normalise(&longest).is_some());
        assert_eq!(normalise(&format!("{longest}a")), None);
    }
}
