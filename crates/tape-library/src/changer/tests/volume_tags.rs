//! SEND VOLUME TAG, REQUEST VOLUME ELEMENT ADDRESS and REPORT ELEMENT INFORMATION.

use super::*;

fn send_volume_tag(
    initiator: &Initiator,
    kind: u8,
    start: u16,
    action: u8,
    template: &str,
) -> Response {
    let [high, low] = start.to_be_bytes();
    let cdb = [0xb6, kind, high, low, 0, action, 0, 0, 0, 40, 0, 0];
    let mut list = [0; 40];
    list[..32].fill(b' ');
    list[..template.len()].copy_from_slice(template.as_bytes());
    initiator.send(0, &cdb, &list)
}

/// REQUEST VOLUME ELEMENT ADDRESS with VOLTAG.
fn request(initiator: &Initiator, kind: u8, start: u16, count: u16, allocation: u16) -> Vec<u8> {
    let mut cdb = [0xb5, 0x10 | kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    cdb[2..4].copy_from_slice(&start.to_be_bytes());
    cdb[4..6].copy_from_slice(&count.to_be_bytes());
    cdb[8..10].copy_from_slice(&allocation.to_be_bytes());
    let response = initiator.changer(&cdb);
    result(&response).unwrap();
    response.data_in.to_vec()
}

fn addresses(data: &[u8]) -> Vec<u16> {
    let found = descriptors(data).into_iter();
    found.map(|(_, address, _)| address).collect()
}

#[test]
fn what_was_found_is_reported_once() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    initiator
        .move_medium(bench.address("slot:12"), bench.address("drive:1"))
        .unwrap();
    result(&send_volume_tag(&initiator, 0, 0, 5, "CAP01?L5")).unwrap();
    let data = request(&initiator, 0, 0, 0xffff, 0xffff);
    assert_eq!(data[4], 5, "SEND ACTION CODE");
    let mut expected = vec![501];
    expected.extend((1009..1019).filter(|address| *address != 1011));
    assert_eq!(addresses(&data), expected);
    assert_eq!(&data[28..36], b"CAP012L5");
    let again = request(&initiator, 0, 0, 0xffff, 0xffff);
    assert_eq!(again, [0, 0, 0, 0, 5, 0, 0, 0], "all were told");
}

#[test]
fn little_room_and_small_counts_leave_the_rest_for_later() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    initiator
        .move_medium(bench.address("slot:1"), bench.address("drive:0"))
        .unwrap();
    result(&send_volume_tag(&initiator, 0, 0, 4, "CAP00?L5")).unwrap();
    let header = request(&initiator, 0, 0, 0xffff, 8);
    // Nine elements: two page headers and nine descriptors of 52 bytes.
    assert_eq!(header, [0x01, 0xf4, 0, 9, 4, 0x00, 0x01, 0xe4]);
    let two = request(&initiator, 0, 0, 2, 0xffff);
    assert_eq!(addresses(&two), [500, 1001]);
    // Room for one descriptor and a half.
    let one = request(&initiator, 0, 0, 0xffff, 8 + 8 + 52 + 26);
    assert_eq!(one.len(), 8 + 8 + 52);
    assert_eq!(one[2..4], [0, 7], "seven were left");
    assert_eq!(one[16..18], [0x03, 0xea]);
    let rest = request(&initiator, 2, 1006, 0xffff, 0xffff);
    assert_eq!(addresses(&rest), [1006, 1007, 1008], "from 1006 on");
    let rest = request(&initiator, 0, 0, 0xffff, 0xffff);
    assert_eq!(addresses(&rest), [1003, 1004, 1005]);
}

#[test]
fn searches_are_each_initiators_own_and_the_last_one_counts() {
    let bench = Bench::new(Preset::Default);
    let (one, two) = (bench.initiator("a"), bench.initiator("b"));
    assert_eq!(request(&one, 0, 0, 9, 999), [0; 8], "nothing was asked");
    result(&send_volume_tag(&one, 2, 1010, 5, "*")).unwrap();
    result(&send_volume_tag(&two, 4, 0, 5, "*")).unwrap();
    assert!(addresses(&request(&two, 0, 0, 9, 999)).is_empty());
    let found = addresses(&request(&one, 0, 0, 0xffff, 0xffff));
    assert_eq!(found, (1010..1020).collect::<Vec<_>>());
    result(&send_volume_tag(&one, 0, 0, 5, "CAP001L5")).unwrap();
    result(&send_volume_tag(&one, 0, 0, 5, "CAP002L5")).unwrap();
    assert_eq!(addresses(&request(&one, 0, 0, 9, 999)), [1001]);
    result(&send_volume_tag(&one, 0, 0, 5, "CAP002L5")).unwrap();
    two.reset(0);
    bench.library.changer().wait_until_idle();
    one.take_attentions();
    assert_eq!(request(&one, 0, 0, 9, 999), [0; 8]);
}

#[test]
fn barcodes_are_not_asserted_replaced_or_undefined() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    for action in 0x08..=0x0d {
        let response = send_volume_tag(&initiator, 0, 1000, action, "OTHER");
        let sense = response.sense.unwrap();
        assert_eq!(sense.additional, AdditionalSense::INVALID_FIELD_IN_CDB);
        assert_eq!(sense.field.unwrap().byte, 5);
    }
    assert_eq!(bench.place("CAP001L5"), "slot:1");
    let no_list = [0xb6, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0];
    result(&initiator.changer(&no_list)).unwrap();
    let cut = [0xb6, 0, 0, 0, 0, 5, 0, 0, 0, 40, 0, 0];
    assert_eq!(
        result(&initiator.send(0, &cut, &[b'*'; 39])),
        Err((ILLEGAL, AdditionalSense::PARAMETER_LIST_LENGTH_ERROR))
    );
}

#[test]
fn information_about_elements() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let ask = |page: u8, kind: u8, start: u16, count: u8| {
        let [high, low] = start.to_be_bytes();
        let cdb = [
            0x9e, 0x10, page, kind, 0, 0, 0, 0, high, low, 0, 0, 0xff, 0xff, count, 0,
        ];
        initiator.changer(&cdb).data_in.to_vec()
    };
    let fixed = ask(2, 0, 0, 0);
    assert_eq!(fixed[..8], [2, 0, 0, 12, 0, 0, 0, 48], "four types");
    assert_eq!(fixed[8..20], [0, 0, 0, 1, 0, 0, 0, 1, 1, 0x34, 0, 0]);
    assert_eq!(fixed[20..32], [0, 0, 0, 10, 0, 0, 0, 4, 3, 0, 0, 0]);
    assert_eq!(fixed[32..44], [0, 0, 0x01, 0xf4, 0, 0, 0, 4, 4, 1, 0, 0]);
    assert_eq!(fixed[44..], [0, 0, 0x03, 0xe8, 0, 0, 0, 24, 2, 0, 0, 0]);
    let slots = ask(3, 0x22, 1019, 3);
    assert_eq!(slots[..8], [3, 0, 0, 8, 0, 0, 0, 24]);
    assert_eq!(slots[8..16], [0, 0, 0x03, 0xfb, 2, 0x50, 0, 0], "full");
    assert_eq!(slots[16..24], [0, 0, 0x03, 0xfc, 2, 0x80, 0, 0], "empty");
    bench.library.set_in_service(3, false);
    initiator.take_attentions();
    let drive = ask(3, 4, 503, 0);
    assert_eq!(
        drive[8..],
        [0, 0, 0x01, 0xf7, 4, 0x8e, 0, 0],
        "OIR, ED, MTAP"
    );
}
