//! Attributes: numbered values that applications leave in a cartridge's memory.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// How it is to be understood; opaque here.
    pub format: u8,
    /// Its bytes.
    pub value: Vec<u8>,
}

/// The attributes of all partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    values: BTreeMap<(u8, u16), Attribute>,
}

impl Attributes {
    /// Returns attribute `id` of a partition.
    pub fn find(&self, partition: u8, id: u16) -> Option<&Attribute> {
        self.values.get(&(partition, id))
    }

    /// Gives attribute `id` of a partition a value.
    pub fn set(&mut self, partition: u8, id: u16, attribute: Attribute) {
        self.values.insert((partition, id), attribute);
    }

    /// Removes attribute `id` of a partition.
    pub fn remove(&mut self, partition: u8, id: u16) {
        self.values.remove(&(partition, id));
    }

    /// Removes every attribute that `keep` is not true for.
    pub fn retain(&mut self, mut keep: impl FnMut(u8, u16) -> bool) {
        self.values
            .retain(|(partition, id), _| keep(*partition, *id));
    }

    /// Returns partitions, numbers and values in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (u8, u16, &Attribute)> {
        let values = self.values.iter();
        values.map(|((partition, id), attribute)| (*partition, *id, attribute))
    }
}

/// One attribute as the file has it.
#[derive(Serialize, Deserialize)]
struct Row {
    partition: u8,
    id: u16,
    format: u8,
    value: String,
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|(partition, id, attribute)| Row {
            partition,
            id,
            format: attribute.format,
            value: to_hex(&attribute.value),
        }))
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows = Vec::<Row>::deserialize(deserializer)?;
        let mut attributes = Self::default();
        for row in rows {
            let value = from_hex(&row.value)
                .ok_or_else(|| serde::de::Error::custom("a value is not hexadecimal"))?;
            let format = row.format;
            attributes.set(row.partition, row.id, Attribute { format, value });
        }
        Ok(attributes)
    }
}

fn to_hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits?;
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    let bytes = pairs
        .iter()
        .map(|[high, low]| u8::try_from(high << 4 | low));
    bytes.collect::<Result<_, _>>().ok()
}
