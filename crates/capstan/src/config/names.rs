//! Names and addresses that users write, checked when they are read.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The port of iSCSI targets (RFC 7143 §4.1).
pub const PORT_DEFAULT: u16 = 3260;

/// An address to listen on: `127.0.0.1:3260`, `[::1]:3260`, or without port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ListenAddress(pub SocketAddr);

impl Default for ListenAddress {
    fn default() -> Self {
        Self(SocketAddr::new(
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            PORT_DEFAULT,
        ))
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        text.parse()
            .or_else(|_| {
                bare.unwrap_or(text)
                    .parse()
                    .map(|ip: IpAddr| SocketAddr::new(ip, PORT_DEFAULT))
            })
            .map(Self)
            .map_err(|_| {
                format!(
                    "`{text}` is not an address to listen on; write ADDRESS or ADDRESS:PORT, for \
                     example 127.0.0.1:3260, 0.0.0.0:3260 or [::]:3260"
                )
            })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An address that initiators are told (RFC 7143 §13.8, TargetAddress): a name or an address, with a
/// port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AdvertisedAddress(String);

impl AdvertisedAddress {
    /// Returns the address, unless it is a name.
    pub fn numeric(&self) -> Option<SocketAddr> {
        self.0.parse().ok()
    }

    /// Returns whether this is the numeric address `socket`.
    pub fn is(&self, socket: SocketAddr) -> bool {
        self.numeric().is_some_and(|address| {
            address.port() == socket.port() && address.ip() == socket.ip().to_canonical()
        })
    }
}

impl FromStr for AdvertisedAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(ListenAddress(address)) = text.parse() {
            return Ok(Self(address.to_string()));
        }
        let (host, port) = text.rsplit_once(':').unwrap_or((text, "3260"));
        let host_is_good = !host.is_empty()
            && host.len() <= 253
            && host
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
        match port.parse::<u16>() {
            Ok(port) if host_is_good && port != 0 => Ok(Self(format!("{host}:{port}"))),
            _ => Err(format!(
                "`{text}` is not an address to advertise; write HOST or HOST:PORT, for example \
                 tapes.example.org, 203.0.113.7:3260 or [2001:db8::7]:3260"
            )),
        }
    }
}

impl fmt::Display for AdvertisedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What target names begin with: `iqn.2026-11.io.capstan` (RFC 7143 §4.2.7.4).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct IqnPrefix(String);

impl Default for IqnPrefix {
    fn default() -> Self {
        Self("iqn.2026-11.io.capstan".to_owned())
    }
}

impl FromStr for IqnPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() <= IQN_PREFIX_LENGTH_MAX && is_iqn_authority(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "`{text}` is not the beginning of an iqn name; write iqn.YYYY-MM.REVERSED.DOMAIN \
                 in lower case, for example iqn.2026-11.io.capstan"
            ))
        }
    }
}

impl fmt::Display for IqnPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_iqn_authority(text: &str) -> bool {
    let Some((date, domain)) = text
        .strip_prefix("iqn.")
        .and_then(|rest| rest.split_once('.'))
    else {
        return false;
    };
    let date_is_good = date.split_once('-').is_some_and(|(year, month)| {
        year.len() == 4
            && year.bytes().all(|b| b.is_ascii_digit())
            && month.len() == 2
            && matches!(month.parse(), Ok(1u8..=12))
    });
    date_is_good && domain.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The gateway's part of target names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct GatewayName(String);

impl GatewayName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GatewayName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() <= GATEWAY_NAME_LENGTH_MAX && is_label(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "`{text}` is not a gateway name: 1 to {GATEWAY_NAME_LENGTH_MAX} lower-case letters, \
                 digits and hyphens, for example lab-1"
            ))
        }
    }
}

impl fmt::Display for GatewayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a library, in target names, in its folder and on the command line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct LibraryName(String);

impl LibraryName {
    /// Returns the name of the library that every gateway has.
    pub fn main() -> Self {
        Self("main".to_owned())
    }

    /// Returns whether this is the library that every gateway has.
    pub fn is_main(&self) -> bool {
        *self == Self::main()
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LibraryName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() <= LIBRARY_NAME_LENGTH_MAX && is_label(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "`{text}` is not a library name: 1 to {LIBRARY_NAME_LENGTH_MAX} lower-case letters, \
                 digits and hyphens, for example east"
            ))
        }
    }
}

impl fmt::Display for LibraryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! from_string {
    ($($name:ty),*) => {$(
        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
    )*};
}

from_string!(
    ListenAddress,
    AdvertisedAddress,
    IqnPrefix,
    GatewayName,
    LibraryName
);

/// Leaves room for the gateway and the device in the 223 bytes of a name.
const IQN_PREFIX_LENGTH_MAX: usize = 128;
const GATEWAY_NAME_LENGTH_MAX: usize = 32;
const LIBRARY_NAME_LENGTH_MAX: usize = 32;

// Prefix, colon, gateway, dot, library, "-mediachanger".
const _: () = assert!(
    IQN_PREFIX_LENGTH_MAX + 1 + GATEWAY_NAME_LENGTH_MAX + 1 + LIBRARY_NAME_LENGTH_MAX + 16 <= 223
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses_may_leave_out_the_port() {
        for (text, expected) in [
            ("127.0.0.1", "127.0.0.1:3260"),
            ("0.0.0.0:860", "0.0.0.0:860"),
            ("::1", "[::1]:3260"),
            ("[::1]", "[::1]:3260"),
            ("[::]:0", "[::]:0"),
        ] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), expected);
        }
        for text in ["", "localhost", "3260", ":3260", "127.0.0.1:99999", "1.2.3"] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn advertised_addresses_may_be_host_names() {
        for (text, expected) in [
            ("tapes.example.org", "tapes.example.org:3260"),
            ("tapes:13260", "tapes:13260"),
            ("[2001:db8::7]:3260", "[2001:db8::7]:3260"),
        ] {
            assert_eq!(
                text.parse::<AdvertisedAddress>().unwrap().to_string(),
                expected
            );
        }
        for text in ["", "two words", "host:", "host:0", "host,1"] {
            assert!(text.parse::<AdvertisedAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn iqn_prefix_has_a_date_and_a_domain() {
        assert!("iqn.2001-04.com.example".parse::<IqnPrefix>().is_ok());
        for text in [
            "iqn",
            "iqn.2001-13.com.example",
            "iqn.01-04.com",
            "eui.0123",
            "iqn.2001-04.com:x",
        ] {
            assert!(text.parse::<IqnPrefix>().is_err(), "{text}");
        }
    }

    #[test]
    fn library_names_are_like_gateway_names() {
        assert!("east-2".parse::<LibraryName>().is_ok());
        assert!("main".parse::<LibraryName>().unwrap().is_main());
        for text in ["", "East", "a.b", "../x", "a:b", &"x".repeat(33)] {
            assert!(text.parse::<LibraryName>().is_err(), "{text}");
        }
    }

    #[test]
    fn gateway_names_fit_a_target_name() {
        assert!("lab-1".parse::<GatewayName>().is_ok());
        for text in ["", "Lab", "a.b", "a_b", "a:b", &"x".repeat(33)] {
            assert!(text.parse::<GatewayName>().is_err(), "{text}");
        }
    }
}
