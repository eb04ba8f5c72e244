//! Which attributes there are (SPC-5 §7.4.2; LTO's numbers beside them).

/// How a value is to be understood (SPC-5 §7.4.1, FORMAT).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Format {
    /// A number, or bytes with a meaning of their own.
    Binary = 0,
    /// ASCII, left-aligned and padded with spaces.
    Ascii = 1,
    /// Text in the character set that attribute 0805h names.
    Text = 2,
}

impl Format {
    /// Reads the field; 3 is reserved.
    pub const fn of(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Binary),
            1 => Some(Self::Ascii),
            2 => Some(Self::Text),
            _ => None,
        }
    }
}

/// Who writes an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The drive, or whoever made the cartridge.
    ReadOnly,
    /// An application, with WRITE ATTRIBUTE.
    Host,
}

/// What an attribute is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The cartridge: it is the same in every partition.
    Volume,
    /// A partition.
    Partition,
}

/// How long a value is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Always so long.
    Exactly(u16),
    /// Between these, both included.
    Between(u16, u16),
}

impl Length {
    /// Returns whether a value may be so long.
    pub const fn allows(self, length: u16) -> bool {
        match self {
            Self::Exactly(exactly) => length == exactly,
            Self::Between(min, max) => min <= length && length <= max,
        }
    }
}

/// What is known of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its identifier.
    pub id: u16,
    /// Its name.
    pub name: &'static str,
    /// How its value is to be understood; for what applications number themselves, the format that
    /// they gave it.
    pub format: Format,
    /// How long it is.
    pub length: Length,
    /// Who writes it.
    pub access: Access,
    /// What it is about.
    pub scope: Scope,
}

macro_rules! attributes {
    ($($constant:ident = $id:literal, $name:literal, $format:ident, $length:expr, $access:ident,
        $scope:ident;)*) => {
        $(#[doc = $name] pub const $constant: u16 = $id;)*

        /// All of them in ascending order, but for those that applications number themselves.
        pub const DEFINITIONS: &[Definition] = &[$(Definition {
            id: $id,
            name: $name,
            format: Format::$format,
            length: $length,
            access: Access::$access,
            scope: Scope::$scope,
        },)*];
    };
}

use Length::{Between, Exactly};

attributes! {
    // Device type attributes (SPC-5 §7.4.2.2).
    REMAINING_CAPACITY = 0x0000, "remaining capacity in partition", Binary, Exactly(8), ReadOnly, Partition;
    MAXIMUM_CAPACITY = 0x0001, "maximum capacity in partition", Binary, Exactly(8), ReadOnly, Partition;
    TAPE_ALERT_FLAGS = 0x0002, "TapeAlert flags", Binary, Exactly(8), ReadOnly, Volume;
    LOAD_COUNT = 0x0003, "load count", Binary, Exactly(8), ReadOnly, Volume;
    MEMORY_SPACE_REMAINING = 0x0004, "MAM space remaining", Binary, Exactly(8), ReadOnly, Volume;
    ASSIGNING_ORGANIZATION = 0x0005, "assigning organization", Ascii, Exactly(8), ReadOnly, Volume;
    FORMATTED_DENSITY = 0x0006, "formatted density code", Binary, Exactly(1), ReadOnly, Volume;
    INITIALIZATION_COUNT = 0x0007, "initialization count", Binary, Exactly(2), ReadOnly, Volume;
    VOLUME_IDENTIFIER = 0x0008, "volume identifier", Ascii, Exactly(32), ReadOnly, Volume;
    VOLUME_CHANGE_REFERENCE = 0x0009, "volume change reference", Binary, Exactly(4), ReadOnly, Volume;
    DEVICE_AT_LAST_LOAD = 0x020a, "device vendor and serial number at last load", Ascii, Exactly(40), ReadOnly, Volume;
    DEVICE_AT_LOAD_1 = 0x020b, "device vendor and serial number at load-1", Ascii, Exactly(40), ReadOnly, Volume;
    DEVICE_AT_LOAD_2 = 0x020c, "device vendor and serial number at load-2", Ascii, Exactly(40), ReadOnly, Volume;
    DEVICE_AT_LOAD_3 = 0x020d, "device vendor and serial number at load-3", Ascii, Exactly(40), ReadOnly, Volume;
    WRITTEN_IN_LIFE = 0x0220, "total MiB written in medium life", Binary, Exactly(8), ReadOnly, Volume;
    READ_IN_LIFE = 0x0221, "total MiB read in medium life", Binary, Exactly(8), ReadOnly, Volume;
    WRITTEN_IN_LOAD = 0x0222, "total MiB written in current or last load", Binary, Exactly(8), ReadOnly, Volume;
    READ_IN_LOAD = 0x0223, "total MiB read in current or last load", Binary, Exactly(8), ReadOnly, Volume;

    // Medium type attributes (SPC-5 §7.4.2.3).
    MANUFACTURER = 0x0400, "medium manufacturer", Ascii, Exactly(8), ReadOnly, Volume;
    SERIAL_NUMBER = 0x0401, "medium serial number", Ascii, Exactly(32), ReadOnly, Volume;
    MEDIUM_LENGTH = 0x0402, "medium length", Binary, Exactly(4), ReadOnly, Volume;
    MEDIUM_WIDTH = 0x0403, "medium width", Binary, Exactly(4), ReadOnly, Volume;
    MEDIUM_ORGANIZATION = 0x0404, "assigning organization", Ascii, Exactly(8), ReadOnly, Volume;
    MEDIUM_DENSITY = 0x0405, "medium density code", Binary, Exactly(1), ReadOnly, Volume;
    MANUFACTURE_DATE = 0x0406, "medium manufacture date", Ascii, Exactly(8), ReadOnly, Volume;
    MEMORY_CAPACITY = 0x0407, "MAM capacity", Binary, Exactly(8), ReadOnly, Volume;
    MEDIUM_TYPE = 0x0408, "medium type", Binary, Exactly(1), ReadOnly, Volume;
    MEDIUM_TYPE_INFORMATION = 0x0409, "medium type information", Binary, Exactly(2), ReadOnly, Volume;

    // Host type attributes (SPC-5 §7.4.2.4).
    APPLICATION_VENDOR = 0x0800, "application vendor", Ascii, Exactly(8), Host, Volume;
    APPLICATION_NAME = 0x0801, "application name", Ascii, Exactly(32), Host, Volume;
    APPLICATION_VERSION = 0x0802, "application version", Ascii, Exactly(8), Host, Volume;
    USER_MEDIUM_TEXT_LABEL = 0x0803, "user medium text label", Text, Exactly(160), Host, Volume;
    DATE_AND_TIME_LAST_WRITTEN = 0x0804, "date and time last written", Ascii, Exactly(12), Host, Volume;
    TEXT_LOCALIZATION_IDENTIFIER = 0x0805, "text localization identifier", Binary, Exactly(1), Host, Volume;
    BARCODE = 0x0806, "barcode", Ascii, Exactly(32), Host, Volume;
    OWNING_HOST_TEXTUAL_NAME = 0x0807, "owning host textual name", Text, Exactly(80), Host, Volume;
    MEDIA_POOL = 0x0808, "media pool", Text, Exactly(160), Host, Volume;
    PARTITION_USER_TEXT_LABEL = 0x0809, "partition user text label", Ascii, Exactly(16), Host, Partition;
    LOAD_UNLOAD_AT_PARTITION = 0x080a, "load/unload at partition", Binary, Exactly(1), Host, Partition;
    APPLICATION_FORMAT_VERSION = 0x080b, "application format version", Ascii, Exactly(16), Host, Volume;
    // SSC-5 §4.2: volume change reference, count, set identifier, and what the application adds.
    VOLUME_COHERENCY_INFORMATION = 0x080c, "volume coherency information", Binary, Between(23, 1023), Host, Partition;
    MEDIUM_IDENTIFIER = 0x0820, "medium globally unique identifier", Binary, Exactly(36), Host, Volume;
    MEDIA_POOL_IDENTIFIER = 0x0821, "media pool globally unique identifier", Binary, Exactly(36), Host, Volume;
}

/// "Vendor specific", host type (SPC-5 table 300).
const VENDOR_HOST: std::ops::RangeInclusive<u16> = 0x0c00..=0x0fff;
/// "Vendor specific" that LTO drives leave to applications; LTFS keeps its lock in 1623h.
const VENDOR_APPLICATION: std::ops::RangeInclusive<u16> = 0x1400..=0x17ff;
/// The longest value of an attribute that an application has numbered itself.
pub const VENDOR_LENGTH_MAX: u16 = 4096;

impl Definition {
    /// Returns what is known of attribute `id`, or `None` when there is no such attribute.
    pub fn find(id: u16) -> Option<Self> {
        if VENDOR_HOST.contains(&id) || VENDOR_APPLICATION.contains(&id) {
            return Some(Self {
                id,
                name: "vendor specific",
                format: Format::Binary,
                length: Length::Between(1, VENDOR_LENGTH_MAX),
                access: Access::Host,
                scope: Scope::Volume,
            });
        }
        let found = DEFINITIONS.binary_search_by_key(&id, |definition| definition.id);
        found.ok().map(|index| DEFINITIONS[index])
    }

    /// Returns whether applications have numbered it themselves.
    pub const fn is_vendor_specific(&self) -> bool {
        matches!(self.id, 0x0c00..=0x0fff | 0x1400..=0x17ff)
    }

    /// Returns whether WRITE ATTRIBUTE may give it a value of `format`.
    pub fn takes(&self, format: Format) -> bool {
        self.format == format || self.is_vendor_specific()
    }
}
