//! REPORT DENSITY SUPPORT and READ BLOCK LIMITS (SSC-5 §7.6, §7.9), from the profile.

use cartridge::limits::COUNT_MAX;
use scsi::ssc::block_limits::{BlockLimits, ReadBlockLimits, highest_object_data};
use scsi::ssc::density::{
    DensityDescriptor, MediumTypeDescriptor, ReportDensitySupport, density_data, medium_type_data,
};
use scsi::ssc::protection_information::INFORMATION_LENGTH;
use scsi::{Cdb, Response, Sense};

use super::Machine;
use super::mounted::Mounted;
use crate::profile::{DriveMedium, DriveProfile, Form, MediaAccess};

impl Machine {
    /// READ BLOCK LIMITS: with or without a cartridge.
    pub(super) fn read_block_limits(&self, cdb: &Cdb) -> Response {
        match ReadBlockLimits::parse(cdb) {
            ReadBlockLimits::Lengths => Response::data(self.block_limits().to_bytes().to_vec()),
            ReadBlockLimits::HighestObject => {
                Response::data(highest_object_data(COUNT_MAX).to_vec())
            }
        }
    }

    /// Returns the lengths that a block may have.
    pub(super) fn block_limits(&self) -> BlockLimits {
        // Protection information, for a nexus that wants it, has to fit into a transfer length behind
        // the longest block.
        let longest = if self.protection().method.is_some() {
            BlockLimits::LENGTH_MAX - INFORMATION_LENGTH
        } else {
            BlockLimits::LENGTH_MAX
        };
        BlockLimits {
            min: u16::try_from(self.profile.block_length_min).unwrap_or(u16::MAX),
            max: self.profile.block_length_max.min(longest),
        }
    }

    /// REPORT DENSITY SUPPORT: of all media that the drive takes, or of the one in it.
    pub(super) fn report_density_support(&mut self, cdb: &Cdb) -> Result<Response, Sense> {
        let command = ReportDensitySupport::parse(cdb);
        let mut media: Vec<&DriveMedium> = if command.media {
            self.loaded()?;
            self.medium_loaded().into_iter().collect()
        } else {
            self.profile.media.iter().collect()
        };
        media.retain(|medium| medium.media.form != Form::Cleaning);
        media.sort_by_key(|medium| medium.media.density);
        let data = if command.medium_type {
            let profile = &self.profile;
            let media = media.into_iter();
            medium_type_data(media.map(|medium| medium_type_descriptor(medium, profile)))
        } else {
            // A WORM kind has the density of its data kind.
            media.dedup_by_key(|medium| medium.media.density);
            let native = self.profile.native().density;
            density_data(
                media
                    .into_iter()
                    .map(|medium| density_descriptor(medium, native)),
            )
        };
        Ok(Response::allocated(
            data,
            usize::from(command.allocation_length),
        ))
    }

    /// Returns the row of the profile for the cartridge that is loaded.
    pub(super) fn medium_loaded(&self) -> Option<&DriveMedium> {
        match &self.medium {
            super::Medium::Loaded(mounted) => self.medium_of(mounted),
            super::Medium::Empty | super::Medium::Unloaded(_) => None,
        }
    }

    /// By the name of the medium; by density for a cartridge whose label has a name of its own. In any
    /// case the label says whether it is WORM, so that medium type and mode page 1Dh agree.
    pub(super) fn medium_of(&self, mounted: &Mounted) -> Option<&DriveMedium> {
        let label = mounted.cartridge.label();
        let media = &self.profile.media;
        let mut of_form = media.iter().filter(|it| it.media.form == label.form);
        let by_name = of_form.clone().find(|it| it.media.name == label.media);
        by_name.or_else(|| of_form.find(|it| it.media.density == label.density))
    }
}

fn density_descriptor(medium: &DriveMedium, native: u8) -> DensityDescriptor<'_> {
    let media = &medium.media;
    DensityDescriptor {
        density: media.density,
        writable: medium.access == MediaAccess::ReadWrite,
        default: media.density == native,
        bits_per_mm: media.bits_per_mm,
        width_tenth_mm: media.width_tenth_mm,
        tracks: media.tracks,
        capacity_mb: media.capacity_mb,
        organization: &media.organization,
        name: &media.density_name,
        description: &media.description,
    }
}

fn medium_type_descriptor<'a>(
    medium: &'a DriveMedium,
    profile: &DriveProfile,
) -> MediumTypeDescriptor<'a> {
    let media = &medium.media;
    MediumTypeDescriptor {
        medium_type: profile.medium_type(media),
        density: media.density,
        width_tenth_mm: media.width_tenth_mm,
        length_m: 0,
        organization: &media.organization,
        name: &media.density_name,
        description: &media.description,
    }
}
