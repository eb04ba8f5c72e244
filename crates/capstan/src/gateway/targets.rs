//! Which targets there are, and what they are called.

use std::fmt;
use std::str::FromStr;

use scsi::Lun;
use tape_library::ElementName;

use crate::config::{IqnPrefix, TargetLayout};

/// A device of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The media changer.
    Changer,
    /// A drive, by its number from 0.
    Drive(u16),
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("changer", _) => Ok(Self::Changer),
            (_, Ok(ElementName::Drive(number))) => Ok(Self::Drive(number)),
            _ => Err(format!(
                "`{text}` is no device; write changer or drive:N, from 0"
            )),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changer => f.write_str("changer"),
            Self::Drive(number) => write!(f, "{}", ElementName::Drive(*number)),
        }
    }
}

/// A target to be: its name, and what stands behind which logical unit number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetPlan {
    /// The iSCSI name.
    pub name: String,
    /// The devices, ascending.
    pub units: Vec<(Lun, Device)>,
}

/// Returns the targets of gateway `gateway` with this many drives, in the order of discovery: the
/// changer first.
///
/// Targets count drives from 1, with at least two digits, as the names of AWS gateways do; `mtx`
/// counts the same drives from 0.
pub fn plan(
    prefix: &IqnPrefix,
    gateway: &str,
    layout: TargetLayout,
    drives: u16,
) -> Vec<TargetPlan> {
    let lun_0 = Lun::new(0);
    match layout {
        TargetLayout::Single => {
            let mut units = vec![(lun_0, Device::Changer)];
            units.extend((0..drives).map(|drive| (Lun::new(drive + 1), Device::Drive(drive))));
            vec![TargetPlan {
                name: format!("{prefix}:{gateway}"),
                units,
            }]
        }
        TargetLayout::PerDevice => {
            let changer = TargetPlan {
                name: format!("{prefix}:{gateway}-mediachanger"),
                units: vec![(lun_0, Device::Changer)],
            };
            let drive = |drive| TargetPlan {
                name: format!("{prefix}:{gateway}-tapedrive-{:02}", drive + 1),
                units: vec![(lun_0, Device::Drive(drive))],
            };
            std::iter::once(changer)
                .chain((0..drives).map(drive))
                .collect()
        }
    }
}

/// Returns the target and the logical unit number behind which `device` stands.
pub fn find(plans: &[TargetPlan], device: Device) -> Option<(&TargetPlan, Lun)> {
    plans.iter().find_map(|plan| {
        let (lun, _) = plan.units.iter().find(|(_, unit)| *unit == device)?;
        Some((plan, *lun))
    })
}

/// Returns the SCSI name string of the port of target `name` (SPC-5 §7.6.4.11, RFC 7143 §4.4.3).
pub fn port_name(name: &str) -> String {
    format!("{name},t,0x{:04x}", crate::portal::policy::PORTAL_GROUP_TAG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(layout: TargetLayout, drives: u16) -> Vec<String> {
        let plans = plan(&IqnPrefix::default(), "lab", layout, drives);
        plans.into_iter().map(|plan| plan.name).collect()
    }

    #[test]
    fn one_target_for_each_device() {
        assert_eq!(
            names(TargetLayout::PerDevice, 2),
            [
                "iqn.2026-11.io.capstan:lab-mediachanger",
                "iqn.2026-11.io.capstan:lab-tapedrive-01",
                "iqn.2026-11.io.capstan:lab-tapedrive-02",
            ]
        );
    }

    #[test]
    fn one_target_for_all_has_the_changer_as_lun_0() {
        let plans = plan(&IqnPrefix::default(), "lab", TargetLayout::Single, 2);
        assert_eq!(plans.len(), 1);
        assert_eq!(plans[0].name, "iqn.2026-11.io.capstan:lab");
        assert_eq!(
            find(&plans, Device::Changer),
            Some((&plans[0], Lun::new(0)))
        );
        assert_eq!(
            find(&plans, Device::Drive(1)),
            Some((&plans[0], Lun::new(2)))
        );
        assert_eq!(find(&plans, Device::Drive(2)), None);
    }

    #[test]
    fn port_names_carry_the_portal_group_tag() {
        assert_eq!(port_name("iqn.x:y"), "iqn.x:y,t,0x0001");
    }
}
