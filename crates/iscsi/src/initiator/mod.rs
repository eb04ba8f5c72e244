//! An initiator.
