//! SCSI Stream Commands (SSC-5): what a tape drive answers.
