//! FORMAT MEDIUM and SET CAPACITY (SSC-5 §7.1, §7.11), and what the mode pages tell of the cartridge.

use cartridge::Label;
use scsi::ssc::format_medium::{FormatMedium, SetCapacity};
use scsi::ssc::mode_pages::{MediumConfiguration, MediumPartition};
use scsi::{AdditionalSense, Cdb, NexusId, Response, Sense};
use uuid::Uuid;

use super::{Machine, Medium};
use crate::profile::Form;

/// The cartridge that the mode pages tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Followed {
    /// Which one, if any, and how many times it had been formatted.
    cartridge: Option<(Uuid, Option<u64>)>,
}

impl Machine {
    /// FORMAT MEDIUM: new partitions, and all data gone, durably so. What mode page 11h asks for was
    /// checked when it was asked for.
    pub(super) fn format_medium(&mut self, nexus: NexusId, cdb: &Cdb) -> Result<Response, Sense> {
        let command = FormatMedium::parse(cdb)?;
        let whole = self.check_formattable()?;
        let asked = match command {
            FormatMedium::Default => Ok(vec![whole]),
            FormatMedium::Partition => self.mode.parameters.medium_partition.partition_bytes(),
        };
        let no_such_division =
            Sense::illegal_request(AdditionalSense::INVALID_FIELD_IN_PARAMETER_LIST);
        self.make_new(nexus, &asked.map_err(|_| no_such_division)?)
    }

    /// SET CAPACITY: one partition of a part of the cartridge, and all data gone, durably so. It
    /// stays so until the next one.
    pub(super) fn set_capacity(&mut self, nexus: NexusId, cdb: &Cdb) -> Result<Response, Sense> {
        let command = SetCapacity::parse(cdb)?;
        self.check_formattable()?;
        let native = self.loaded()?.cartridge.label().capacity_bytes;
        self.make_new(nexus, &[command.of(native)])
    }

    /// Refuses unless the cartridge may be written and stands at its beginning: "the medium shall be
    /// at beginning-of-partition 0". Returns how much there is to divide.
    fn check_formattable(&mut self) -> Result<u64, Sense> {
        self.check_writable()?;
        let mounted = self.loaded()?;
        let at = mounted.cartridge.position();
        if (at.partition, at.object) != (0, 0) {
            let past = AdditionalSense::POSITION_PAST_BEGINNING_OF_MEDIUM;
            return Err(Sense::illegal_request(past));
        }
        let capacities = mounted.cartridge.label().partition_bytes();
        Ok(capacities.iter().sum())
    }

    fn make_new(&mut self, nexus: NexusId, partition_bytes: &[u64]) -> Result<Response, Sense> {
        let drive = self.number;
        let mounted = self.loaded()?;
        if let Err(error) = mounted.format(partition_bytes) {
            return Err(self.write_fault(&error));
        }
        tracing::info!(
            drive,
            cartridge = mounted.cartridge.label().barcode,
            partitions = partition_bytes.len(),
            "formatted"
        );
        // Mode page 11h tells something new.
        self.attentions
            .establish_for_others(nexus, AdditionalSense::MODE_PARAMETERS_CHANGED);
        Ok(Response::good())
    }

    /// Lets the mode pages tell of the cartridge that is loaded, and the cartridge know what they
    /// say of it. Runs after everything that happens to the drive.
    pub(super) fn follow_medium(&mut self) {
        let partitions_max = self.partitions_max();
        let pages = &mut self.mode.parameters;
        let append_only = pages.device_configuration_extension.append_only;
        let programmable_mb = pages
            .device_configuration_extension
            .programmable_early_warning_mb;
        if let Medium::Loaded(mounted) | Medium::Unloaded(mounted) = &mut self.medium {
            mounted.set_append_only(append_only);
            mounted.set_programmable(programmable_mb);
        }
        let label = match &self.medium {
            Medium::Loaded(mounted) => Some(mounted.cartridge.label()),
            Medium::Empty | Medium::Unloaded(_) => None,
        };
        let epoch = |label: &Label| label.layout.as_ref().map(|layout| layout.epoch);
        let now = Followed {
            cartridge: label.map(|label| (label.uuid, epoch(label))),
        };
        if self.followed == Some(now) {
            return;
        }
        pages.device_configuration_extension.cartridge_loaded = label.is_some();
        pages.medium_configuration = MediumConfiguration {
            worm: label.is_some_and(|label| label.form == Form::Worm),
            ..pages.medium_configuration
        };
        let of_drive = MediumPartition::of_drive(self.profile.capabilities.partitions_max);
        pages.medium_partition = match label {
            Some(label) => of_drive.with_cartridge(partitions_max, label.partition_bytes()),
            None => of_drive,
        };
        self.followed = Some(now);
    }

    /// Returns how many partitions the cartridge can have. LTO-5 was the first to have two, LTO-6 to
    /// have four; WORM cartridges have one.
    fn partitions_max(&self) -> u8 {
        let drive = self.profile.capabilities.partitions_max;
        match self.medium_loaded().map(|medium| &medium.media) {
            Some(media) if media.form == Form::Data => drive.min(match media.generation {
                0..=4 => 1,
                5 => 2,
                _ => 4,
            }),
            _ => 1,
        }
    }
}
