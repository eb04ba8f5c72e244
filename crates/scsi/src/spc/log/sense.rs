//! LOG SENSE (SPC-5 §6.8).

use super::thresholds::default_threshold;
use super::{
    ALL_SUBPAGES, Format, HEADER_BYTES, Logs, PageControl, PageId, Parameter, SUPPORTED_PAGES,
    Thresholds,
};
use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed LOG SENSE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSense {
    /// Which values.
    pub control: PageControl,
    /// The page and sub-page; FFh for a list of the sub-pages.
    pub page: PageId,
    /// The first parameter wanted; smaller codes are left out.
    pub parameter_pointer: u16,
    /// The most bytes that the initiator takes.
    pub allocation_length: u16,
}

impl LogSense {
    /// Parses the CDB. The command table has refused PPC; SP is refused here, because it is no
    /// reserved bit (see the module).
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        const SAVE_PARAMETERS: u8 = 0;
        if cdb.bit(1, SAVE_PARAMETERS) {
            return Err(Sense::invalid_field_in_cdb(1).at_bit(SAVE_PARAMETERS));
        }
        Ok(Self {
            control: PageControl::of(cdb.byte(2)),
            page: PageId {
                code: cdb.byte(2) & 0x3f,
                subpage: cdb.byte(3),
            },
            parameter_pointer: cdb.u16(5),
            allocation_length: cdb.u16(7),
        })
    }
}

/// Returns the page that `command` asks `logs` for, in full length.
pub fn log_sense(
    command: &LogSense,
    logs: &mut impl Logs,
    thresholds: &Thresholds,
) -> Result<Vec<u8>, Sense> {
    let pages = logs.pages();
    if let Some(list) = list_of_pages(command.page, &pages) {
        return Ok(list);
    }
    check_page(command.page, &pages)?;
    let parameters = logs.parameters(command.page);
    let pointer = command.parameter_pointer;
    // "… larger than the largest parameter code" is an error (SPC-5 §6.8); in between there may be
    // gaps. A page without any parameter has nothing that a pointer could be beyond.
    if parameters.last().is_some_and(|last| last.code < pointer) {
        return Err(Sense::invalid_field_in_cdb(5));
    }
    let mut body = Vec::new();
    let mut told = Vec::new();
    for parameter in parameters.iter().filter(|own| own.code >= pointer) {
        let value = value(*command, parameter, thresholds);
        parameter.put(&value, &mut body);
        if HEADER_BYTES + body.len() <= usize::from(command.allocation_length) {
            told.push(parameter.code);
        }
    }
    logs.were_told(command.page, &told);
    let mut data = command.page.header(body.len()).to_vec();
    data.extend_from_slice(&body);
    Ok(data)
}

/// Page control means counters; what else stands in a page is told as it is.
fn value(command: LogSense, parameter: &Parameter, thresholds: &Thresholds) -> Vec<u8> {
    match (command.control, parameter.format) {
        (PageControl::Threshold, Format::Counter) => thresholds.of(command.page, parameter),
        (PageControl::DefaultThreshold, Format::Counter) => default_threshold(parameter),
        (PageControl::DefaultCumulative, Format::Counter) => vec![0; parameter.value.len()],
        _ => parameter.value.clone(),
    }
}

/// Refuses a page that is not there, pointing at the page or, when only the sub-page is unknown, at
/// that.
pub(super) fn check_page(page: PageId, pages: &[PageId]) -> Result<(), Sense> {
    if pages.contains(&page) {
        return Ok(());
    }
    let known = page.code == SUPPORTED_PAGES || pages.iter().any(|own| own.code == page.code);
    Err(Sense::invalid_field_in_cdb(if known { 3 } else { 2 }))
}

/// Returns page 00h, the list of pages; 00h/FFh, that of all pages and sub-pages; or xxh/FFh, that of
/// the sub-pages of one (SPC-5 §7.3.17, §7.3.18).
fn list_of_pages(wanted: PageId, pages: &[PageId]) -> Option<Vec<u8>> {
    let lists = [SUPPORTED_PAGES, SUPPORTED_PAGES]
        .into_iter()
        .zip([0, ALL_SUBPAGES])
        .map(|(code, subpage)| PageId { code, subpage });
    let mut body = Vec::new();
    match (wanted.code, wanted.subpage) {
        (SUPPORTED_PAGES, 0) => {
            body.push(SUPPORTED_PAGES);
            body.extend(pages.iter().map(|page| page.code));
            body.dedup(); // several sub-pages of one page stand together
        }
        (SUPPORTED_PAGES, ALL_SUBPAGES) => {
            let all = lists.chain(pages.iter().copied());
            body.extend(all.flat_map(|page| [page.code, page.subpage]));
        }
        (code, ALL_SUBPAGES) => {
            let own = pages.iter().filter(|page| page.code == code);
            body.extend(own.flat_map(|page| [page.code, page.subpage]));
            if body.is_empty() {
                return None;
            }
            body.extend([code, ALL_SUBPAGES]);
        }
        _ => return None,
    }
    let mut page = wanted.header(body.len()).to_vec();
    page.extend_from_slice(&body);
    Some(page)
}
