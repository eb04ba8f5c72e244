//! Tests of the drive: command bytes in, response bytes out. No sockets, no threads, no sleeps.

mod any_command;
mod at_once;
mod attributes;
mod capacity;
mod encryption;
mod exceptions;
mod explicit;
mod faults;
mod faulty_store;
mod harness;
mod loading;
mod log_and_density;
mod log_pages;
mod mode;
mod model;
mod motions;
mod partitions;
mod positioning;
mod protection;
mod reading;
mod restart;
mod reverse;
mod tape;
mod verify;
mod write_once;
mod writing;
