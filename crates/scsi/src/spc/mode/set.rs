//! All mode pages of a device together.

use super::{ALL_PAGES, ALL_SUBPAGES, ModePage, ModeSense, NO_PAGE, PageControl, PageId, pages};
use crate::sense::{AdditionalSense, Sense};

/// The mode pages of a device, made by [`mode_pages!`](crate::spc::mode).
pub trait ModePages: Clone {
    /// Returns the pages in ascending order of code and sub-page, also those that are not present.
    fn all(&self) -> Vec<&dyn ModePage>;

    /// The same, to be changed.
    fn all_mut(&mut self) -> Vec<&mut dyn ModePage>;

    /// Lets pages that tell the same thing agree again, after `self` was made from `before` by one
    /// MODE SELECT.
    fn reconcile(&mut self, _before: &Self) {}
}

/// Declares the struct of all pages of a device, one page on each line, in ascending order of code
/// and sub-page, and lists them for [`ModePages`].
macro_rules! mode_pages {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$doc:meta])* $field:ident: $page:ty,)*
        }
        reconcile: $reconcile:expr;
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$doc])* pub $field: $page,)*
        }

        impl $crate::spc::mode::ModePages for $name {
            fn all(&self) -> Vec<&dyn $crate::spc::mode::ModePage> {
                vec![$(&self.$field,)*]
            }

            fn all_mut(&mut self) -> Vec<&mut dyn $crate::spc::mode::ModePage> {
                vec![$(&mut self.$field,)*]
            }

            fn reconcile(&mut self, before: &Self) {
                let reconcile: fn(&mut Self, &Self) = $reconcile;
                reconcile(self, before);
            }
        }
    };
}
pub(crate) use mode_pages;

/// Returns the pages that MODE SENSE asks for, one after another (SPC-5 §6.13).
///
/// Refused are saved values, which there are none of, and pages that the device does not have.
pub fn selected_pages<P: ModePages>(
    command: &ModeSense,
    current: &P,
    default: &P,
) -> Result<Vec<u8>, Sense> {
    /// The most significant bit of PAGE CODE in byte 2 of the CDB.
    const PAGE_CODE_BIT: u8 = 5;
    let values = match command.page_control {
        PageControl::Current | PageControl::Changeable => current,
        PageControl::Default => default,
        PageControl::Saved => {
            let saved = AdditionalSense::SAVING_PARAMETERS_NOT_SUPPORTED;
            return Err(Sense::illegal_request(saved));
        }
    };
    if (command.page_code, command.subpage_code) == (NO_PAGE, 0) {
        return Ok(Vec::new());
    }
    if command.page_code == ALL_PAGES && !matches!(command.subpage_code, 0 | ALL_SUBPAGES) {
        return Err(Sense::invalid_field_in_cdb(3));
    }
    let mut selected = Vec::new();
    let mut code_exists = false;
    for page in values.all().into_iter().filter(|page| page.is_present()) {
        let PageId {
            page: code,
            subpage,
        } = page.id();
        code_exists |= code == command.page_code;
        if command.wants(code, subpage) {
            selected.extend(match command.page_control {
                PageControl::Changeable => page.mask(),
                _ => page.to_bytes(),
            });
        }
    }
    match (selected.is_empty(), code_exists) {
        (false, _) => Ok(selected),
        (true, true) => Err(Sense::invalid_field_in_cdb(3)),
        (true, false) => Err(Sense::invalid_field_in_cdb(2).at_bit(PAGE_CODE_BIT)),
    }
}

/// Returns what `current` becomes by the pages of a MODE SELECT list, which start at `first_page` in
/// it. Nothing is changed by a list that has a fault anywhere.
pub fn changed_pages<P: ModePages>(current: &P, list: &[u8], first_page: u16) -> Result<P, Sense> {
    let mut wanted = current.clone();
    for view in pages(list, first_page)? {
        let mut all = wanted.all_mut().into_iter();
        let mut of_code = all
            .by_ref()
            .filter(|page| page.is_present() && page.id().page == view.page_code)
            .peekable();
        if of_code.peek().is_none() {
            return Err(view.fault_at_bit(0, 5));
        }
        let page = of_code.find(|page| page.id() == view.id());
        page.ok_or_else(|| view.fault(1))?.take(&view)?;
    }
    wanted.reconcile(current);
    Ok(wanted)
}
