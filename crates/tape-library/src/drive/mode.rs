//! MODE SENSE and MODE SELECT (SPC-5 §6.11 to §6.14, SSC-5 §8.5).

use cartridge::Codec;
use scsi::spc::mode::{
    BlockDescriptor, Form, ModeSelect, ModeSense, ParameterList, changed_pages, selected_pages,
};
use scsi::ssc::block_limits::BlockLimits;
use scsi::ssc::mode_header::{BufferedMode, DENSITY_DEFAULT, DENSITY_NO_CHANGE, DeviceSpecific};
use scsi::ssc::mode_pages::{DriveFeatures, DriveParameters};
use scsi::ssc::protection_information::INFORMATION_LENGTH;
use scsi::{AdditionalSense, Cdb, Command, NexusId, Response, Sense};

use super::protection::methods_of;
use super::{Machine, Medium};
use crate::profile::DriveProfile;

/// The mode parameters that can change. All nexuses share them, but for page 0Ah, sub-page F0h: see
/// [`Machine::take_up_protection`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mode {
    /// BLOCK LENGTH of the block descriptor; 0 for variable.
    pub(super) block_length: u32,
    /// BUFFERED MODE: when WRITE answers.
    pub(super) buffering: BufferedMode,
    /// The mode pages.
    pub(super) parameters: DriveParameters,
}

impl Mode {
    /// Returns the values after power on and reset.
    pub(super) fn default_of(profile: &DriveProfile, codec: Codec) -> Self {
        Self {
            block_length: profile.block_length_default,
            buffering: BufferedMode::Buffered,
            parameters: DriveParameters::new(DriveFeatures {
                generation: profile.generation,
                ibm: profile.vendor == "IBM",
                encryption: profile.capabilities.encryption,
                compression: codec != Codec::Stored,
                protection_methods: methods_of(profile),
                partitions_max: profile.capabilities.partitions_max,
                worm: profile.capabilities.worm,
                append_only: profile.capabilities.append_only,
                programmable_early_warning: profile.capabilities.programmable_early_warning,
            }),
        }
    }
}

impl Machine {
    /// MODE SENSE(6), MODE SENSE(10).
    pub(super) fn mode_sense(&mut self, cdb: &Cdb) -> Result<Response, Sense> {
        let command = ModeSense::parse(cdb);
        let default = Mode::default_of(&self.profile, self.codec).parameters;
        let list = ParameterList {
            medium_type: self
                .medium_loaded()
                .map_or(0, |medium| self.profile.medium_type(&medium.media)),
            device_specific: self.device_specific().to_byte(),
            block_descriptor: (!command.disable_block_descriptors).then(|| self.block_descriptor()),
            pages: selected_pages(&command, &self.mode.parameters, &default)?,
        };
        list.response(&command)
    }

    fn device_specific(&self) -> DeviceSpecific {
        let tab = match &self.medium {
            Medium::Loaded(mounted) => mounted.write_protected,
            Medium::Empty | Medium::Unloaded(_) => false,
        };
        DeviceSpecific {
            write_protected: tab || self.is_software_write_protected(),
            buffered_mode: self.mode.buffering,
        }
    }

    /// Whether a MODE SELECT has forbidden writing.
    pub(super) fn is_software_write_protected(&self) -> bool {
        let configuration = &self.mode.parameters.device_configuration;
        configuration.software_write_protect
    }

    fn block_descriptor(&self) -> BlockDescriptor {
        BlockDescriptor {
            density: if self.profile.tells_density {
                self.density()
            } else {
                DENSITY_DEFAULT
            },
            blocks: 0,
            block_length: self.mode.block_length,
        }
    }

    /// The density of the cartridge that is loaded; the default code without one.
    fn density(&self) -> u8 {
        match &self.medium {
            Medium::Loaded(mounted) => mounted.cartridge.label().density,
            Medium::Empty | Medium::Unloaded(_) => DENSITY_DEFAULT,
        }
    }

    /// MODE SELECT(6), MODE SELECT(10). Nothing changes unless all of the list is in order.
    pub(super) fn mode_select(&mut self, nexus: NexusId, command: &Command) -> Response {
        let select = ModeSelect::parse(&command.cdb);
        let length = select.parameter_list_length;
        let response = match self.select(nexus, select, &command.data_out) {
            Ok(()) => Response::good(),
            Err(sense) => sense.into(),
        };
        response.with_data_out_length(u32::from(length))
    }

    fn select(&mut self, nexus: NexusId, select: ModeSelect, data: &[u8]) -> Result<(), Sense> {
        let Some(list) = select.parameter_list(data)? else {
            return Ok(());
        };
        let mut wanted = self.wanted_mode(select.form, list)?;
        let test = wanted.parameters.informational_exceptions.test.take();
        self.adopt(nexus, wanted)?;
        if let Some(test) = test {
            self.test_alerts(test);
        }
        Ok(())
    }

    /// Lets other parameters be in force.
    fn adopt(&mut self, nexus: NexusId, wanted: Mode) -> Result<(), Sense> {
        if wanted == self.mode {
            return Ok(());
        }
        let mut shared = wanted.clone();
        shared.parameters.control_data_protection = self.protection();
        let others_notice = shared != self.mode;
        // What was written under the old parameters reaches the medium under them.
        if let Medium::Loaded(_) = self.medium {
            self.synchronize()?;
        }
        self.mode = wanted;
        self.protections.insert(nexus, self.protection());
        self.apply_codec();
        if others_notice {
            let changed = AdditionalSense::MODE_PARAMETERS_CHANGED;
            self.attentions.establish_for_others(nexus, changed);
        }
        Ok(())
    }

    /// Returns the mode that a parameter list asks for. The medium type is not looked at: initiators
    /// send zero, or what they were told.
    fn wanted_mode(&self, form: Form, list: &[u8]) -> Result<Mode, Sense> {
        let (parsed, first_page) = ParameterList::parse(form, list)?;
        let (specific_at, header_length) = match form {
            Form::Six => (2, 4),
            Form::Ten => (3, 8),
        };
        let mut wanted = self.mode.clone();
        let specific = DeviceSpecific::parse(parsed.device_specific, specific_at)?;
        wanted.buffering = specific.buffered_mode;
        if let Some(descriptor) = parsed.block_descriptor {
            self.check_descriptor(descriptor, header_length)?;
            wanted.block_length = descriptor.block_length;
        }
        wanted.parameters = changed_pages(&self.mode.parameters, &parsed.pages, first_page)?;
        Ok(wanted)
    }

    /// `at` is the descriptor's offset in the list.
    fn check_descriptor(&self, descriptor: BlockDescriptor, at: u16) -> Result<(), Sense> {
        let refuse = |field: u16| Err(Sense::invalid_field_in_parameter_list(at + field));
        if !self.takes_density(descriptor.density) {
            return refuse(0);
        }
        if descriptor.blocks != 0 {
            return refuse(1);
        }
        // Protection information counts: it is "the BLOCK LENGTH field … for fixed block transfers".
        let BlockLimits { min, max } = self.block_limits();
        let max = if self.protection().method.is_some() {
            max + INFORMATION_LENGTH
        } else {
            max
        };
        let limits = BlockLimits { min, max };
        if descriptor.block_length != 0 && !limits.allow(descriptor.block_length) {
            return refuse(5);
        }
        Ok(())
    }

    /// The density of a cartridge is what it is. Without one, any that the drive could write.
    fn takes_density(&self, density: u8) -> bool {
        match &self.medium {
            _ if density == DENSITY_DEFAULT || density == DENSITY_NO_CHANGE => true,
            Medium::Loaded(_) => density == self.density(),
            Medium::Empty | Medium::Unloaded(_) => {
                let mut media = self.profile.media.iter();
                media.any(|medium| medium.media.density == density)
            }
        }
    }
}
