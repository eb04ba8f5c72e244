//! LOAD UNLOAD (SSC-5 §7.3).

use crate::sense::Sense;
use crate::ssc::read_write::invalid_bit;
use crate::task::Cdb;

/// A parsed LOAD UNLOAD.
///
/// RETEN changes nothing here: there is no tape to tighten. EOT with LOAD=0 asks for a tape wound to
/// its end before it comes out, which nobody can see of a cartridge like ours; it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadUnload {
    /// IMMED: answer before the end.
    pub immediate: bool,
    /// What to do.
    pub action: LoadAction,
}

/// LOAD and HOLD together (SSC-5 §7.3, table 55).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadAction {
    /// LOAD=1, HOLD=0: make the cartridge ready, at the beginning of the partition.
    Load,
    /// LOAD=1, HOLD=1: take the cartridge in, but do not thread the tape.
    LoadAndHold,
    /// LOAD=0: take the tape out of the path; with HOLD the cartridge is not ejected either, and
    /// ours never is: it stays in the element until the changer takes it.
    Unload,
}

impl LoadUnload {
    /// Parses the CDB. EOT together with LOAD is refused (SSC-5 §7.3).
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let (load, eot, hold) = (cdb.bit(4, 0), cdb.bit(4, 2), cdb.bit(4, 3));
        if load && eot {
            return Err(invalid_bit(4, 2));
        }
        let action = match (load, hold) {
            (true, false) => LoadAction::Load,
            (true, true) => LoadAction::LoadAndHold,
            (false, _) => LoadAction::Unload,
        };
        Ok(Self {
            immediate: cdb.bit(1, 0),
            action,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_with_end_of_tape_is_refused() {
        let parse = |byte_4| LoadUnload::parse(&Cdb::new(&[0x1b, 0, 0, 0, byte_4, 0]));
        assert_eq!(parse(0x05).unwrap_err().to_fixed()[15..18], [0xca, 0, 4]);
        assert_eq!(
            parse(0x03).unwrap().action,
            LoadAction::Load,
            "mt retension"
        );
        assert_eq!(parse(0x09).unwrap().action, LoadAction::LoadAndHold);
        assert_eq!(parse(0x00).unwrap().action, LoadAction::Unload);
        assert_eq!(parse(0x04).unwrap().action, LoadAction::Unload);
    }
}
