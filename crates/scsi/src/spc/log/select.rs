//! LOG SELECT (SPC-5 §6.7).

use super::{Format, HEADER_BYTES, Logs, PageControl, PageId, Parameter, SPF, Thresholds};
use super::{SUPPORTED_PAGES, sense::check_page};
use crate::sense::{AdditionalSense, Sense};
use crate::task::Cdb;

/// A parsed LOG SELECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSelect {
    /// PCR: everything begins anew.
    pub reset: bool,
    /// Which values.
    pub control: PageControl,
    /// The page that it is about; page 00h without sub-page stands for all.
    pub page: PageId,
    /// The length of the parameter list, in bytes.
    pub parameter_list_length: u16,
}

/// Whether a LOG SELECT has changed something that other initiators see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selected {
    /// Nothing is different.
    Nothing,
    /// The others are to be told LOG PARAMETERS CHANGED (SPC-5 §6.7).
    Changed,
}

impl LogSelect {
    /// Parses the CDB. SP=1 is refused: nothing is saved on request.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        const SAVE_PARAMETERS: u8 = 0;
        const PARAMETER_CODE_RESET: u8 = 1;
        if cdb.bit(1, SAVE_PARAMETERS) {
            return Err(Sense::invalid_field_in_cdb(1).at_bit(SAVE_PARAMETERS));
        }
        let command = Self {
            reset: cdb.bit(1, PARAMETER_CODE_RESET),
            control: PageControl::of(cdb.byte(2)),
            page: PageId {
                code: cdb.byte(2) & 0x3f,
                subpage: cdb.byte(3),
            },
            parameter_list_length: cdb.u16(7),
        };
        // "If the PCR bit is set to one and the PARAMETER LIST LENGTH field contains a non-zero
        // value, … ILLEGAL REQUEST, … INVALID FIELD IN CDB" (SPC-5 §6.7).
        if command.reset && command.parameter_list_length > 0 {
            return Err(Sense::invalid_field_in_cdb(1).at_bit(PARAMETER_CODE_RESET));
        }
        Ok(command)
    }
}

/// Does what `command` asks with `data`, its parameter list. Nothing changes unless all of the list
/// is in order.
pub fn log_select(
    command: &LogSelect,
    data: &[u8],
    logs: &mut impl Logs,
    thresholds: &mut Thresholds,
) -> Result<Selected, Sense> {
    let pages = logs.pages();
    let all = command.page == PageId::new(SUPPORTED_PAGES);
    if !all {
        check_page(command.page, &pages)?;
    }
    let length = usize::from(command.parameter_list_length);
    if length > 0 {
        let list = data.get(..length).ok_or(LIST_LENGTH_ERROR)?;
        let only = (!all).then_some(command.page);
        return apply(command.control, list, only, logs, thresholds);
    }
    let (counters, limits) = match command.control {
        _ if command.reset => (true, true),
        // Without a list there is nothing to set; defaults need none.
        PageControl::Threshold | PageControl::Cumulative => return Ok(Selected::Nothing),
        PageControl::DefaultThreshold => (false, true),
        PageControl::DefaultCumulative => (true, false),
    };
    for page in pages {
        if all || page == command.page {
            if counters {
                logs.reset(page);
            }
            if limits {
                thresholds.reset(page);
            }
        }
    }
    Ok(Selected::Changed)
}

/// Sets what a parameter list names.
fn apply(
    control: PageControl,
    list: &[u8],
    only: Option<PageId>,
    logs: &mut impl Logs,
    thresholds: &mut Thresholds,
) -> Result<Selected, Sense> {
    let pages = logs.pages();
    let mut wanted = Vec::new();
    let mut list = List { list, at: 0 };
    let mut last_page = None;
    while !list.is_empty() {
        let (page, body) = list.page(&pages, only)?;
        // "… shall be in ascending order" (SPC-5 §6.7), pages as parameters.
        if last_page.is_some_and(|last| last >= page) {
            return Err(Sense::invalid_field_in_parameter_list(list.pointer(0)));
        }
        last_page = Some(page);
        let own = logs.parameters(page);
        list.parameters(body, &own, control, |code, value| {
            wanted.push((page, code, value));
        })?;
    }
    for (page, code, value) in wanted {
        match control {
            PageControl::Threshold | PageControl::DefaultThreshold => {
                thresholds.set(page, code, value);
            }
            PageControl::Cumulative | PageControl::DefaultCumulative => {
                let number = value
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
                logs.set(page, code, number);
            }
        }
    }
    Ok(Selected::Changed)
}

/// A parameter list, and how far it was read.
struct List<'a> {
    list: &'a [u8],
    at: usize,
}

impl List<'_> {
    fn is_empty(&self) -> bool {
        self.at >= self.list.len()
    }

    /// A field pointer at `offset` from where the reader is.
    fn pointer(&self, offset: usize) -> u16 {
        u16::try_from(self.at + offset).unwrap_or(u16::MAX)
    }

    /// Reads the header of a page; returns the page and where its parameters end.
    fn page(&self, pages: &[PageId], only: Option<PageId>) -> Result<(PageId, usize), Sense> {
        let refuse = |offset| Err(Sense::invalid_field_in_parameter_list(self.pointer(offset)));
        let [first, second, high, low, ..] = self.list[self.at..] else {
            return Err(LIST_LENGTH_ERROR);
        };
        let page = PageId {
            code: first & 0x3f,
            subpage: if first & SPF == 0 { 0 } else { second },
        };
        if only.is_some_and(|only| only != page) || !pages.contains(&page) {
            return refuse(0);
        }
        if first & SPF == 0 && second != 0 {
            return refuse(1);
        }
        let end = self.at + HEADER_BYTES + usize::from(u16::from_be_bytes([high, low]));
        if end > self.list.len() {
            return Err(LIST_LENGTH_ERROR);
        }
        Ok((page, end))
    }

    /// Reads the parameters of a page up to `end`, which are all among `own`, and leaves the reader
    /// there.
    fn parameters(
        &mut self,
        end: usize,
        own: &[Parameter],
        control: PageControl,
        mut found: impl FnMut(u16, Vec<u8>),
    ) -> Result<(), Sense> {
        let refuse =
            |list: &Self, offset| Err(Sense::invalid_field_in_parameter_list(list.pointer(offset)));
        self.at += HEADER_BYTES;
        let mut last_code = None;
        while self.at < end {
            let [high, low, byte, length, ref rest @ ..] = self.list[self.at..end] else {
                return Err(LIST_LENGTH_ERROR);
            };
            let code = u16::from_be_bytes([high, low]);
            let value = rest.get(..usize::from(length)).ok_or(LIST_LENGTH_ERROR)?;
            let known = own.iter().find(|own| own.code == code);
            let Some(known) = known.filter(|_| last_code < Some(code)) else {
                return refuse(self, 0);
            };
            if !can_be_set(known, control) {
                return refuse(self, 0);
            }
            if byte != known.control() {
                return refuse(self, 2);
            }
            if value.len() != known.value.len() {
                return refuse(self, 3);
            }
            let value = match control {
                PageControl::Threshold | PageControl::Cumulative => value.to_vec(),
                // The values of the list are not looked at: defaults are ours to know.
                PageControl::DefaultThreshold => super::thresholds::default_threshold(known),
                PageControl::DefaultCumulative => vec![0; value.len()],
            };
            found(code, value);
            last_code = Some(code);
            self.at += HEADER_BYTES + usize::from(length);
        }
        Ok(())
    }
}

fn can_be_set(parameter: &Parameter, control: PageControl) -> bool {
    match control {
        PageControl::Threshold | PageControl::DefaultThreshold => {
            parameter.format == Format::Counter
        }
        PageControl::Cumulative | PageControl::DefaultCumulative => parameter.changeable,
    }
}

const LIST_LENGTH_ERROR: Sense =
    Sense::illegal_request(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
