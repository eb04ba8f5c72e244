//! Page 87h, mode page policy (SPC-5 §7.8.10).

/// Returns the body of a device of which all initiators share all mode pages: one descriptor with
/// policy 00b for every page and subpage.
pub fn shared_mode_pages() -> Vec<u8> {
    const ALL_PAGES: u8 = 0x3f;
    const ALL_SUBPAGES: u8 = 0xff;
    const SHARED: u8 = 0b00;
    vec![ALL_PAGES, ALL_SUBPAGES, SHARED, 0]
}
