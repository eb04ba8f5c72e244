//! MODE SENSE and MODE SELECT.

use bytes::Bytes;
use cartridge::{Codec, MemoryStore};
use scsi::{AdditionalSense, Response, Status};

use super::harness::*;

/// MODE SELECT(6), PF=1, of a whole list.
fn select(rig: &Rig, list: &[u8]) -> Response {
    let length = u8::try_from(list.len()).unwrap();
    let response = rig.run_with(&[0x15, 0x10, 0, 0, length, 0], list.to_vec());
    assert_eq!(response.data_out_length, u32::from(length));
    response
}

/// MODE SENSE(6) of a page without block descriptor: what follows the header.
fn page(rig: &Rig, page_code: u8) -> Bytes {
    rig.good(&[0x1a, 0x08, page_code, 0, 0xff, 0]).slice(4..)
}

#[test]
fn st_opens_with_page_0_and_gets_header_and_descriptor() {
    let rig = Rig::loaded();
    let data = rig.good(&[0x1a, 0, 0, 0, 12, 0]);
    // Length 11, LTO-5 medium, buffered mode 1, descriptor of 8: density 58h, variable blocks.
    assert_eq!(data, [11, 0x58, 0x10, 8, 0x58, 0, 0, 0, 0, 0, 0, 0][..]);
    let data = rig.good(&[0x5a, 0, 0, 0, 0, 0, 0, 0, 16, 0]);
    assert_eq!(
        data,
        [0, 14, 0x58, 0x10, 0, 0, 0, 8, 0x58, 0, 0, 0, 0, 0, 0, 0][..]
    );
    let data = rig.good(&[0x1a, 0x08, 0, 0, 12, 0]);
    assert_eq!(data, [3, 0x58, 0x10, 0][..], "DBD");
}

#[test]
fn without_a_cartridge_density_and_medium_type_are_0() {
    let data = Rig::empty().good(&[0x1a, 0, 0, 0, 12, 0]);
    assert_eq!(data, [11, 0, 0x10, 8, 0, 0, 0, 0, 0, 0, 0, 0][..]);
}

#[test]
fn the_gateways_drive_starts_with_fixed_blocks() {
    let rig = Rig::of_profile("gateway-ult3580-td5", Codec::Zstd);
    let data = rig.good(&[0x1a, 0, 0, 0, 12, 0]);
    assert_eq!(data[9..12], [1, 0, 0], "65536");
}

#[test]
fn block_length_is_set_and_told() {
    let rig = Rig::loaded();
    rig.set_block_length(0x01_0203);
    let data = rig.good(&[0x1a, 0, 0, 0, 12, 0]);
    assert_eq!(data[8..12], [0, 1, 2, 3]);
    assert_eq!(rig.attention(ONE), None);
    assert_eq!(
        rig.attention(TWO),
        Some(AdditionalSense::MODE_PARAMETERS_CHANGED)
    );
    rig.set_block_length(0x01_0203);
    assert_eq!(rig.attention(TWO), None, "nothing has changed");
}

#[test]
fn densities_of_the_cartridge_default_and_no_change_are_taken() {
    let rig = Rig::loaded();
    for density in [0x00, 0x7f, 0x58] {
        let response = select(&rig, &[0, 0, 0x10, 8, density, 0, 0, 0, 0, 0, 2, 0]);
        assert_eq!(response.status, Status::Good);
    }
    let response = select(&rig, &[0, 0, 0x10, 8, 0x46, 0, 0, 0, 0, 0, 2, 0]);
    assert_check(&response, invalid_field(false, 4, None));
    let empty = Rig::empty();
    let response = select(&empty, &[0, 0, 0x10, 8, 0x46, 0, 0, 0, 0, 0, 2, 0]);
    assert_eq!(
        response.status,
        Status::Good,
        "LTO-4, which the drive takes"
    );
    let response = select(&empty, &[0, 0, 0x10, 8, 0x5a, 0, 0, 0, 0, 0, 2, 0]);
    assert_check(&response, invalid_field(false, 4, None));
}

#[test]
fn faults_in_the_list_are_pointed_at_and_change_nothing() {
    let rig = Rig::of_profile("gateway-ult3580-td5", Codec::Zstd);
    let before = rig.good(&[0x1a, 0, 0x3f, 0, 0xff, 0]);
    let over = select(&rig, &[0, 0, 0x10, 8, 0, 0, 0, 0, 0, 0x10, 0, 1]);
    assert_check(&over, invalid_field(false, 9, None));
    let blocks = select(&rig, &[0, 0, 0x10, 8, 0, 0, 0, 1, 0, 0, 2, 0]);
    assert_check(&blocks, invalid_field(false, 5, None));
    let mode = select(&rig, &[0, 0, 0x30, 0]);
    assert_check(&mode, invalid_field(false, 2, None));
    // A good descriptor, then a page that is not there.
    let page = select(&rig, &[0, 0, 0x10, 8, 0, 0, 0, 0, 0, 0, 2, 0, 0x3e, 0]);
    assert_check(&page, invalid_field(false, 12, Some(5)));
    let length_error = sense(ILLEGAL_REQUEST, None, [0x1a, 0]);
    assert_check(&select(&rig, &[0, 0, 0x10, 8, 0, 0]), length_error);
    let short = rig.run_with(&[0x15, 0x10, 0, 0, 12, 0], vec![0, 0, 0x10, 8]);
    assert_check(&short, length_error);
    assert_eq!(rig.good(&[0x1a, 0, 0x3f, 0, 0xff, 0]), before);
    assert_eq!(rig.attention(TWO), None);
}

#[test]
fn saved_values_are_not_there() {
    let rig = Rig::loaded();
    let response = rig.run_with(&[0x15, 0x11, 0, 0, 4, 0], vec![0, 0, 0x10, 0]);
    assert_check(&response, invalid_field(true, 1, Some(0)));
    let response = rig.run(&[0x1a, 0, 0xc0 | 0x0f, 0, 0xff, 0]);
    assert_check(&response, sense(ILLEGAL_REQUEST, None, [0x39, 0]));
}

#[test]
fn an_empty_list_is_good() {
    let rig = Rig::loaded();
    rig.good(&[0x15, 0x10, 0, 0, 0, 0]);
    rig.good(&[0x55, 0x10, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn mt_compression_goes_through_page_0f_and_back() {
    let rig = Rig::loaded();
    assert_eq!(page(&rig, 0x0f)[2], 0xc0, "DCE, DCC");
    for (on, codec) in [(false, Codec::Stored), (true, Codec::Zstd)] {
        // Linux's st reads the page, changes DCE, clears WP and the lengths, and writes it back.
        let mut list = rig.good(&[0x1a, 0, 0x0f, 0, 0xff, 0]).to_vec();
        list[0] = 0;
        list[1] = 0;
        list[14] = if on { list[14] | 0x80 } else { list[14] & 0x7f };
        assert_eq!(select(&rig, &list).status, Status::Good);
        assert_eq!(page(&rig, 0x0f)[2], if on { 0xc0 } else { 0x40 });
        assert_eq!(page(&rig, 0x10)[14], u8::from(on), "page 10h agrees");
        assert_eq!(rig.drive.status().codec, codec);
    }
}

#[test]
fn compression_changes_what_is_charged() {
    let used = |compression: bool| {
        let rig = Rig::loaded();
        if !compression {
            let mut list = rig.good(&[0x1a, 0x08, 0x10, 0, 0xff, 0]).to_vec();
            list[0] = 0;
            list[4 + 14] = 0;
            assert_eq!(select(&rig, &list).status, Status::Good);
        }
        rig.write(vec![0x20; 100_000]);
        rig.filemarks(1);
        rig.drive.status().used_bytes
    };
    assert!(used(false) >= 100_000);
    assert!(used(true) < 50_000);
}

#[test]
fn mode_select_synchronises_when_it_changes_something() {
    let rig = Rig::loaded();
    rig.write(noise(10, 1));
    let buffered = || rig.good(&[0x34, 8, 0, 0, 0, 0, 0, 0, 32, 0])[7];
    rig.set_block_length(0);
    assert_eq!(buffered(), 1, "as it was");
    rig.set_block_length(512);
    assert_eq!(buffered(), 0);
}

#[test]
fn compression_stays_off_for_the_next_cartridge() {
    let rig = Rig::loaded();
    let mut list = vec![0, 0, 0x10, 0];
    list.extend_from_slice(&page(&rig, 0x0f));
    list[6] &= 0x7f;
    assert_eq!(select(&rig, &list).status, Status::Good);
    rig.drive.unload().unwrap();
    rig.insert(new_cartridge(MemoryStore::new(), PLENTY));
    rig.write(vec![0x20; 100_000]);
    rig.filemarks(1);
    assert!(rig.drive.status().used_bytes >= 100_000);
}

#[test]
fn all_pages_sent_back_after_one_change_keep_the_change() {
    let rig = Rig::loaded();
    let mut list = rig.good(&[0x5a, 0, 0x3f, 0, 0, 0, 0, 1, 0, 0]).to_vec();
    list[..2].fill(0);
    let at = list.windows(2).position(|w| w == [0x0f, 14]).unwrap();
    list[at + 2] = 0x40;
    let length = u8::try_from(list.len()).unwrap();
    let response = rig.run_with(&[0x55, 0x10, 0, 0, 0, 0, 0, 0, length, 0], list);
    assert_eq!(response.status, Status::Good);
    assert_eq!(page(&rig, 0x0f)[2], 0x40);
    assert_eq!(page(&rig, 0x10)[14], 0);
}

#[test]
fn a_drive_without_codec_has_no_compression() {
    let rig = Rig::of_profile("ibm-ult3580-td5", Codec::Stored);
    assert_eq!(page(&rig, 0x0f)[2], 0);
    let mut list = vec![0, 0, 0x10, 0];
    list.extend_from_slice(&page(&rig, 0x0f));
    list[6] = 0x80;
    assert_check(&select(&rig, &list), invalid_field(false, 6, Some(7)));
}

#[test]
fn pages_have_changeable_masks_and_defaults() {
    let rig = Rig::loaded();
    let mask = page(&rig, 0x40 | 0x0f);
    assert_eq!(mask[2..8], [0x80, 0, 0xff, 0xff, 0xff, 0xff]);
    let mut list = vec![0, 0, 0x10, 0];
    list.extend_from_slice(&page(&rig, 0x0f));
    list[6] &= 0x7f;
    assert_eq!(select(&rig, &list).status, Status::Good);
    assert_eq!(page(&rig, 0x80 | 0x0f)[2], 0xc0, "default");
    assert_eq!(page(&rig, 0x0f)[2], 0x40, "current");
    rig.drive_reset();
    assert_eq!(page(&rig, 0x0f)[2], 0xc0);
}

#[test]
fn all_pages_come_in_ascending_order_and_unknown_ones_are_refused() {
    let rig = Rig::loaded();
    let mut rest = page(&rig, 0x3f);
    let mut codes = Vec::new();
    while let [code, length, ..] = rest[..] {
        codes.push(code);
        rest = rest.slice(2 + usize::from(length)..);
    }
    assert!(codes.is_sorted());
    for common in [0x01, 0x02, 0x0a, 0x0f, 0x10, 0x1a, 0x1c, 0x25, 0x2f] {
        assert!(codes.contains(&common), "{common:02x}");
    }
    let response = rig.run(&[0x1a, 0, 0x3e, 0, 0xff, 0]);
    assert_check(&response, invalid_field(true, 2, Some(5)));
    let response = rig.run(&[0x1a, 0, 0x0a, 0xf1, 0xff, 0]);
    assert_check(&response, invalid_field(true, 3, None));
}

#[test]
fn mode_sense_is_cut_at_the_allocation_length() {
    let rig = Rig::loaded();
    let all = rig.good(&[0x1a, 0, 0x3f, 0, 0xff, 0]);
    assert_eq!(usize::from(all[0]) + 1, all.len());
    assert_eq!(rig.good(&[0x1a, 0, 0x3f, 0, 5, 0]), all[..5]);
    assert!(rig.good(&[0x1a, 0, 0x3f, 0, 0, 0]).is_empty());
}
