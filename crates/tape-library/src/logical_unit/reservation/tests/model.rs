//! Random initiators against a model that knows only numbers: which nexus has which key, and who has
//! the unit. It says the rules once more, in another way.

use std::collections::BTreeMap;

use proptest::prelude::*;
use scsi::{AdditionalSense, Status};

use super::out::*;
use super::*;

const EXCLUSIVE: [u8; 3] = [3, 6, 8];
const ALL_REGISTRANTS: [u8; 2] = [7, 8];
const PLAIN: [u8; 2] = [1, 3];

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Nexus, service action, type, key, second key.
    Out(u64, u8, u8, u64, u64),
    Reserve(u64),
    Release(u64),
    /// The nexus is lost and comes back.
    Lost(u64),
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(vec![1_u8, 3, 5, 6, 7, 8]);
    prop_oneof![
        12 => (0..3_u64, 0..7_u8, kind, 0..3_u64, 0..3_u64)
            .prop_map(|(nexus, action, kind, key, second)| {
                Step::Out(nexus, action, kind, key, second)
            }),
        1 => (0..3_u64).prop_map(Step::Reserve),
        1 => (0..3_u64).prop_map(Step::Release),
        1 => (0..3_u64).prop_map(Step::Lost),
        1 => Just(Step::Reset),
    ]
}

#[derive(Default)]
struct Model {
    keys: BTreeMap<u64, u64>,
    /// The type, and who reserved; of all registrants nobody in particular.
    held: Option<(u8, Option<u64>)>,
    /// Who has RESERVE(6).
    reserved: Option<u64>,
    told: [Vec<AdditionalSense>; 3],
}

impl Model {
    fn holds(&self, nexus: u64) -> bool {
        self.held
            .is_some_and(|(_, owner)| owner.is_none_or(|owner| owner == nexus))
            && self.keys.contains_key(&nexus)
    }

    /// Whether a nexus may read and write.
    fn may(&self, nexus: u64) -> (bool, bool) {
        if let Some(owner) = self.reserved {
            return (owner == nexus, owner == nexus);
        }
        let Some((kind, owner)) = self.held else {
            return (true, true);
        };
        let free = if PLAIN.contains(&kind) {
            owner == Some(nexus)
        } else {
            self.keys.contains_key(&nexus)
        };
        (free || !EXCLUSIVE.contains(&kind), free)
    }

    fn tell(&mut self, whom: impl Fn(u64) -> bool, what: AdditionalSense) {
        for nexus in (0..3).filter(|nexus| whom(*nexus)) {
            let told = &mut self.told[usize::try_from(nexus).unwrap()];
            if !told.contains(&what) {
                told.push(what);
            }
        }
    }

    fn tell_registered_but(&mut self, but: u64, what: AdditionalSense) {
        let keys = self.keys.clone();
        self.tell(|nexus| nexus != but && keys.contains_key(&nexus), what);
    }

    fn owned(kind: u8, nexus: u64) -> (u8, Option<u64>) {
        (kind, (!ALL_REGISTRANTS.contains(&kind)).then_some(nexus))
    }

    fn out(&mut self, nexus: u64, action: u8, kind: u8, key: u64, second: u64) -> Status {
        let own = self.keys.get(&nexus).copied();
        let ignoring = action == REGISTER_AND_IGNORE;
        let entitled = match action {
            REGISTER | REGISTER_AND_IGNORE => ignoring || key == own.unwrap_or(0),
            _ => own == Some(key),
        };
        if self.reserved.is_some() || !entitled {
            return Status::ReservationConflict;
        }
        match action {
            REGISTER | REGISTER_AND_IGNORE if second != 0 => {
                self.keys.insert(nexus, second);
            }
            REGISTER | REGISTER_AND_IGNORE => self.leave(nexus),
            RESERVE if self.held.is_none() => self.held = Some(Self::owned(kind, nexus)),
            RESERVE => {
                let same = self.held.is_some_and(|(held, _)| held == kind);
                if !(same && self.holds(nexus)) {
                    return Status::ReservationConflict;
                }
            }
            RELEASE => {
                let Some((held, _)) = self.held.filter(|_| self.holds(nexus)) else {
                    return Status::Good;
                };
                if held != kind {
                    return Status::CheckCondition;
                }
                self.held = None;
                if !PLAIN.contains(&held) {
                    self.tell_registered_but(nexus, AdditionalSense::RESERVATIONS_RELEASED);
                }
            }
            CLEAR => {
                self.tell_registered_but(nexus, AdditionalSense::RESERVATIONS_PREEMPTED);
                self.keys.clear();
                self.held = None;
            }
            _ => return self.preempt(nexus, kind, second),
        }
        Status::Good
    }

    fn leave(&mut self, nexus: u64) {
        let held_it = self.holds(nexus);
        self.keys.remove(&nexus);
        if let Some((kind, owner)) = self.held
            && held_it
            && (owner.is_some() || self.keys.is_empty())
        {
            self.held = None;
            if !PLAIN.contains(&kind) {
                self.tell_registered_but(nexus, AdditionalSense::RESERVATIONS_RELEASED);
            }
        }
    }

    fn preempt(&mut self, nexus: u64, kind: u8, victim: u64) -> Status {
        let by_all = matches!(self.held, Some((_, None)));
        let owners_key = match self.held {
            Some((_, Some(owner))) => self.keys.get(&owner).copied(),
            _ => None,
        };
        let takes_over = owners_key == Some(victim) || by_all && victim == 0;
        if !takes_over && victim == 0 {
            return Status::CheckCondition;
        }
        let keys = self.keys.clone();
        let goes = |other: u64| {
            let key = keys.get(&other).copied();
            if takes_over && other == nexus {
                return false;
            }
            key.is_some() && (key == Some(victim) || takes_over && victim == 0)
        };
        if !takes_over && !(0..3).any(goes) {
            return Status::ReservationConflict;
        }
        self.tell(
            |other| other != nexus && goes(other),
            AdditionalSense::REGISTRATIONS_PREEMPTED,
        );
        self.keys.retain(|other, _| !goes(*other));
        if takes_over {
            if self.held.is_some_and(|(held, _)| held != kind) {
                self.tell_registered_but(nexus, AdditionalSense::RESERVATIONS_RELEASED);
            }
            self.held = Some(Self::owned(kind, nexus));
        } else if self.keys.is_empty() {
            self.held = None;
        }
        Status::Good
    }

    /// RESERVE or RELEASE beside registrations: decided by them alone.
    fn beside(&self, nexus: u64) -> Option<Status> {
        if self.keys.is_empty() {
            return None;
        }
        let has_it = self.held.is_some() && self.may(nexus) == (true, true);
        Some(if has_it {
            Status::Good
        } else {
            Status::ReservationConflict
        })
    }

    fn reserve(&mut self, nexus: u64) -> Status {
        if let Some(decided) = self.beside(nexus) {
            return decided;
        }
        if *self.reserved.get_or_insert(nexus) == nexus {
            Status::Good
        } else {
            Status::ReservationConflict
        }
    }

    fn release(&mut self, nexus: u64) -> Status {
        self.beside(nexus).unwrap_or_else(|| {
            self.reserved = self.reserved.filter(|owner| *owner != nexus);
            Status::Good
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    #[test]
    fn reservations_are_as_the_model_has_them(steps in prop::collection::vec(step(), 1..80)) {
        let bench = Bench::new();
        let mut model = Model::default();
        for step in steps {
            let (status, expected) = match step {
                Step::Out(nexus, action, kind, key, second) => (
                    bench.out(nexus, action, kind, key, second),
                    model.out(nexus, action, kind, key, second),
                ),
                Step::Reserve(number) => (
                    bench.reservations.reserve(&nexus(number)).status,
                    model.reserve(number),
                ),
                Step::Release(number) => (
                    bench.reservations.release(&nexus(number)).status,
                    model.release(number),
                ),
                Step::Lost(number) => {
                    bench.reservations.nexus_lost(NexusId(number));
                    bench.attentions.detach(NexusId(number));
                    bench.log_in(&nexus(number));
                    model.reserved = model.reserved.filter(|owner| *owner != number);
                    model.told[usize::try_from(number).unwrap()].clear();
                    (Status::Good, Status::Good)
                }
                Step::Reset => {
                    bench.reservations.reset();
                    model.reserved = None;
                    (Status::Good, Status::Good)
                }
            };
            prop_assert_eq!(status, expected, "{:?}", step);
            for number in 0..3 {
                let may = (bench.may(number, &READ), bench.may(number, &WRITE));
                prop_assert_eq!(may, model.may(number), "{:?}: nexus {}", step, number);
            }
            if model.reserved.is_none() {
                let mut keys = bench.keys().1;
                keys.sort_unstable();
                let mut expected: Vec<u64> = model.keys.values().copied().collect();
                expected.sort_unstable();
                prop_assert_eq!(keys, expected, "{:?}", step);
                let kind = bench.reservation().map(|(_, kind)| kind.code());
                prop_assert_eq!(kind, model.held.map(|(kind, _)| kind), "{:?}", step);
            }
        }
        for (number, expected) in (0..3).zip(model.told) {
            let told: Vec<_> =
                std::iter::from_fn(|| bench.attentions.take(NexusId(number))).collect();
            prop_assert_eq!(told, expected, "nexus {}", number);
        }
    }
}
