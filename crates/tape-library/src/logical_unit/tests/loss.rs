//! What a nexus holds, seen from outside, and the end of it.

use std::time::Duration;

use super::*;
use crate::logical_unit::ReservationKind;

const RESERVE: [u8; 6] = [0x16, 0, 0, 0, 0, 0];
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn holdings_are_those_of_the_nexus_and_end_with_it() {
    let bench = Bench::new();
    let (holder, _heard) = bench.attach("a");
    let (other, _other_heard) = bench.attach("b");
    assert_eq!(holder.watch().holdings(), []);
    assert_eq!(submit(&holder, 1, &RESERVE), Some(Response::good()));
    let watch = holder.watch();
    let holdings = watch.holdings();
    assert_eq!(holdings.len(), 1);
    assert_eq!(holdings[0].lun, Lun::new(0));
    assert_eq!(holdings[0].reservation, Some(ReservationKind::Reserve));
    assert_eq!(other.watch().holdings(), []);
    drop(holder);
    assert!(watch.wait_for_loss(PATIENCE));
    assert_eq!(watch.holdings(), []);
}

#[test]
fn loss_is_complete_when_the_device_has_heard_of_it() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    let watch = nexus.watch();
    assert!(watch.wait_for_loss(Duration::ZERO), "nothing is being lost");
    assert_eq!(submit(&nexus, 1, &REWIND), None);
    bench.started.recv().unwrap();
    drop(nexus);
    assert!(!watch.wait_for_loss(Duration::ZERO), "the motion goes on");
    bench.permit.send(()).unwrap();
    assert!(watch.wait_for_loss(PATIENCE));
    assert_eq!(bench.log(), ["01 a", "nexus lost"]);
}
