//! Parameter lists as initiators send them, and as they should not.

use proptest::prelude::*;

use super::*;

/// A CDB with service action, scope and type, and the length of `list`.
fn cdb(action: u8, scope_and_type: u8, list: &[u8]) -> Cdb {
    let length = u8::try_from(list.len() & 0xff).unwrap();
    let high = u8::try_from(list.len() >> 8).unwrap();
    Cdb::new(&[0x5f, action, scope_and_type, 0, 0, 0, 0, high, length, 0])
}

fn parse(action: u8, scope_and_type: u8, list: &[u8]) -> Result<PersistentReserveOut, Sense> {
    PersistentReserveOut::parse(&cdb(action, scope_and_type, list), list)
}

/// The basic list with keys 1 and 2 and `flags`.
fn basic(flags: u8) -> Vec<u8> {
    let mut list = vec![0; 24];
    list[7] = 1;
    list[15] = 2;
    list[20] = flags;
    list
}

fn port(name: &str) -> InitiatorPort {
    InitiatorPort(format!("{name},i,0x800000000001").into())
}

#[test]
fn every_service_action_reads_its_fields() {
    use ReservationType::{ExclusiveAccess, WriteExclusive};
    let list = basic(0);
    let register = |existing| {
        PersistentReserveOut::Register(Registration {
            existing,
            new_key: 2,
            other_ports: None,
            all_target_ports: false,
            persist: false,
        })
    };
    let preempt = |abort| PersistentReserveOut::Preempt {
        key: 1,
        victim: 2,
        kind: Ok(WriteExclusive),
        abort,
    };
    let expected = [
        (0x00, register(Registering::WithKey(1))),
        (
            0x01,
            PersistentReserveOut::Reserve {
                key: 1,
                kind: WriteExclusive,
            },
        ),
        (
            0x02,
            PersistentReserveOut::Release {
                key: 1,
                kind: WriteExclusive,
            },
        ),
        (0x03, PersistentReserveOut::Clear { key: 1 }),
        (0x04, preempt(false)),
        (0x05, preempt(true)),
        (0x06, register(Registering::IgnoringKey)),
    ];
    for (action, command) in expected {
        assert_eq!(parse(action, 0x01, &list), Ok(command));
    }
    let exclusive = PersistentReserveOut::Reserve {
        key: 1,
        kind: ExclusiveAccess,
    };
    assert_eq!(parse(0x01, 0x03, &list), Ok(exclusive));
}

#[test]
fn unknown_scopes_and_types_are_fields_of_the_cdb() {
    let list = basic(0);
    for action in [0x01, 0x02] {
        let scope = Sense::invalid_field_in_cdb(2).at_bit(7);
        assert_eq!(parse(action, 0x21, &list), Err(scope), "an element");
        for code in [0x0, 0x2, 0x4, 0x9, 0xf] {
            let kind = Sense::invalid_field_in_cdb(2).at_bit(3);
            assert_eq!(parse(action, code, &list), Err(kind));
        }
    }
    for action in [0x00, 0x03, 0x04, 0x05, 0x06] {
        assert!(parse(action, 0xff, &list).is_ok(), "they are ignored");
    }
}

#[test]
fn lists_of_a_wrong_length_are_refused() {
    let list = basic(0);
    for action in 0..=7 {
        for length in [0, 8, 23, 25, 32] {
            let mut list = list.clone();
            list.resize(length, 0);
            let refused = parse(action, 0x01, &list);
            assert_eq!(refused, Err(LIST_LENGTH_ERROR), "{action}: {length}");
        }
    }
    let short = PersistentReserveOut::parse(&cdb(0, 0, &list), &list[..20]);
    assert_eq!(short, Err(LIST_LENGTH_ERROR), "less than the CDB says");
}

#[test]
fn flags_belong_to_their_service_actions() {
    let parsed = parse(0x00, 0, &basic(0x05)).unwrap();
    let PersistentReserveOut::Register(registration) = parsed else {
        panic!("{parsed:?}");
    };
    assert!(registration.persist && registration.all_target_ports);
    let reserved = Sense::invalid_field_in_parameter_list(20).at_bit(7);
    assert_eq!(parse(0x00, 0, &basic(0x82)), Err(reserved));
    let ports = Sense::invalid_field_in_parameter_list(20).at_bit(3);
    for action in 1..=6 {
        assert_eq!(parse(action, 0x01, &basic(0x08)), Err(ports));
    }
}

#[test]
fn ports_of_a_registration_fill_their_length() {
    let registration = Registration {
        existing: Registering::WithKey(0),
        new_key: 7,
        other_ports: Some(vec![port("iqn.a"), port("iqn.long-name-of-a-host")]),
        all_target_ports: false,
        persist: true,
    };
    let list = registration.to_bytes();
    let parsed = parse(0x00, 0, &list);
    assert_eq!(parsed, Ok(PersistentReserveOut::Register(registration)));
    let mut longer = list.clone();
    longer[27] += 4;
    assert_eq!(parse(0x00, 0, &longer), Err(LIST_LENGTH_ERROR));
    let mut foreign = list.clone();
    foreign[28] = 0x06; // SAS
    let pointer = Sense::invalid_field_in_parameter_list(28);
    assert_eq!(parse(0x00, 0, &foreign), Err(pointer));
    assert_eq!(parse(0x00, 0, &list[..26]), Err(LIST_LENGTH_ERROR));
}

#[test]
fn register_and_move_names_the_other_nexus() {
    let command = RegisterAndMove {
        key: 1,
        new_key: 2,
        unregister: true,
        persist: false,
        relative_target_port: 1,
        initiator: port("iqn.b"),
    };
    let list = command.to_bytes();
    assert_eq!(list[16..20], [0, 0x02, 0, 1], "UNREG, target port");
    let parsed = parse(0x07, 0, &list);
    assert_eq!(parsed, Ok(PersistentReserveOut::RegisterAndMove(command)));
    let mut foreign = list.clone();
    foreign[24] = 0x05;
    let pointer = Sense::invalid_field_in_parameter_list(24);
    assert_eq!(parse(0x07, 0, &foreign), Err(pointer));
}

proptest! {
    #[test]
    fn no_list_panics(
        action in 0_u8..8,
        scope_and_type: u8,
        list in prop::collection::vec(any::<u8>(), 0..200),
        flags: u8,
    ) {
        let mut list = list;
        if let Some(byte) = list.get_mut(20) {
            *byte = flags & 0x0d;
        }
        let _ = parse(action, scope_and_type, &list);
    }
}
