//! End to end: a whole gateway on loopback, spoken to as hosts and administrators speak to it. A
//! module for each story; no root, no fixed ports, no fixed waits.

#![allow(clippy::panic, clippy::unwrap_used)] // these are tests, helpers included

mod support;

mod aborts;
mod access;
mod api;
mod at_rest;
mod cartridge_tools;
mod changer;
mod cli;
mod commands;
mod configuration;
mod convert;
mod crash;
mod discovery;
mod faults;
mod judge;
mod libraries;
mod life;
mod login;
mod matrix;
mod profiles;
mod reinstatement;
mod reservations;
mod restart;
mod room;
mod scale;
mod secrets;
mod sessions;
mod stress;
mod tape;
mod testing_guide;
mod trace;
mod wire;
