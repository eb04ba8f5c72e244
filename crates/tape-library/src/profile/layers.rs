//! One TOML text laid over others: what the upper one says replaces what the lower ones say, key by
//! key; keys that only a lower one has stay. Lists are replaced as a whole.

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Error, ValueDeserializer};

/// Returns a text as a table that knows where its values stand.
pub(super) fn parse(text: &str) -> Result<Spanned<DeTable<'_>>, Error> {
    DeTable::parse(text)
}

/// Lays `upper` over `lower`.
pub(super) fn lay<'i>(lower: &mut DeTable<'i>, upper: DeTable<'i>) {
    for (key, value) in upper {
        if let Some(below) = lower.get_mut(&**key.get_ref())
            && let DeValue::Table(below) = below.get_mut()
            && value.get_ref().is_table()
        {
            if let DeValue::Table(above) = value.into_inner() {
                lay(below, above);
            }
            continue;
        }
        // The key comes along with its value: complaints are to point at the upper text.
        lower.remove(&**key.get_ref());
        lower.insert(key, value);
    }
}

/// Returns what a table says. Errors keep the places of the text that each value came from.
pub(super) fn read<T: DeserializeOwned>(table: Spanned<DeTable<'_>>) -> Result<T, Error> {
    let span = table.span();
    let value = Spanned::new(span, DeValue::Table(table.into_inner()));
    T::deserialize(ValueDeserializer::from(value))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Thing {
        size: u8,
        parts: Vec<u8>,
        inner: Inner,
    }

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        left: u8,
        right: u8,
    }

    const LOWER: &str = "size = 1\nparts = [1, 2]\n[inner]\nleft = 1\nright = 1";

    fn over(upper: &str) -> Result<Thing, Error> {
        let mut table = parse(LOWER).unwrap();
        lay(table.get_mut(), parse(upper).unwrap().into_inner());
        read(table)
    }

    #[test]
    fn upper_values_win_and_the_rest_stays() {
        let thing = over("parts = [3]\ninner.right = 2").unwrap();
        let inner = Inner { left: 1, right: 2 };
        assert_eq!(
            thing,
            Thing {
                size: 1,
                parts: vec![3],
                inner
            }
        );
    }

    #[test]
    fn errors_point_into_the_upper_text() {
        let error = over("# a line\nsize = \"x\"").unwrap_err();
        assert_eq!(error.span(), Some(16..19));
        let error = over("# a line\nsice = 2").unwrap_err();
        assert_eq!(error.span(), Some(9..13), "{error}");
    }
}
