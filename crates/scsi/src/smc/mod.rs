//! SCSI Media Changer Commands (SMC-3): what a media changer answers.
