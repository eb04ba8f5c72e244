//! Tests of the drive: command bytes in, response bytes out. No sockets, no threads, no sleeps.

mod any_command;
mod capacity;
mod faults;
mod harness;
mod loading;
mod model;
mod parameters;
mod positioning;
mod reading;
mod tape;
mod writing;
