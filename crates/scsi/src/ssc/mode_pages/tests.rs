//! Mode pages of a drive, as bytes.

use super::*;
use crate::sense::Sense;
use crate::spc::mode::{
    ALL_PAGES, ALL_SUBPAGES, Form, ModePages, ModeSense, PageControl, PageId, changed_pages,
    selected_pages,
};
use crate::spc::mode_pages::AlertTest;
use crate::ssc::protection_information::Method;

fn on() -> DriveParameters {
    let mut parameters = DriveParameters::new(DriveFeatures {
        protection_methods: [Method::ReedSolomon].into_iter().collect(),
        ..DriveFeatures::everything()
    });
    let protection = &mut parameters.control_data_protection;
    protection.method = Some(Method::ReedSolomon);
    (protection.writing, protection.reading) = (true, true);
    let partitions = [37_000_000_000, 1_463_000_000_000];
    parameters.medium_partition = parameters.medium_partition.with_cartridge(4, &partitions);
    parameters
}

fn off() -> DriveParameters {
    changed(&on(), &{
        let mut page = page(&on(), 0x0f, PageControl::Current);
        page[2] &= !0x80;
        page
    })
}

fn sense(page_code: u8, subpage_code: u8, page_control: PageControl) -> ModeSense {
    ModeSense {
        form: Form::Ten,
        disable_block_descriptors: true,
        page_control,
        page_code,
        subpage_code,
        allocation_length: u16::MAX,
    }
}

fn page(parameters: &DriveParameters, code: u8, control: PageControl) -> Vec<u8> {
    selected_pages(&sense(code, 0, control), parameters, &on()).unwrap()
}

fn apply(parameters: &DriveParameters, list: &[u8]) -> Result<DriveParameters, Sense> {
    changed_pages(parameters, list, 12)
}

fn changed(parameters: &DriveParameters, list: &[u8]) -> DriveParameters {
    apply(parameters, list).unwrap()
}

#[test]
fn data_compression_page() {
    assert_eq!(
        page(&on(), 0x0f, PageControl::Current),
        [0x0f, 14, 0xc0, 0x80, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]
    );
    assert_eq!(page(&off(), 0x0f, PageControl::Current)[2], 0x40);
    assert_eq!(page(&off(), 0x0f, PageControl::Default)[2], 0xc0);
    let mask = page(&on(), 0x0f, PageControl::Changeable);
    assert_eq!(mask[..8], [0x0f, 14, 0x80, 0, 0xff, 0xff, 0xff, 0xff]);
}

#[test]
fn device_configuration_page() {
    assert_eq!(
        page(&on(), 0x10, PageControl::Current),
        [0x10, 14, 0, 0, 0, 0, 0, 0, 0x40, 0, 0x10, 0, 0, 0, 1, 0x10]
    );
}

#[test]
fn pages_ascend_and_say_their_lengths() {
    let parameters = on();
    let ids: Vec<_> = parameters.all().iter().map(|page| page.id()).collect();
    assert!(ids.is_sorted(), "SPC-5 §6.13: ascending, sub-pages too");
    for page in parameters.all() {
        let (bytes, mask) = (page.to_bytes(), page.mask());
        assert_eq!(bytes.len(), mask.len());
        let header = page.id().header_length();
        assert_eq!(bytes[..header], mask[..header]);
    }
}

#[test]
fn every_page_comes_back_as_it_was_told() {
    for parameters in [on(), off()] {
        for page in parameters.all() {
            let told = page.to_bytes();
            assert_eq!(changed(&parameters, &told), parameters, "{:?}", page.id());
        }
        let all = sense(ALL_PAGES, ALL_SUBPAGES, PageControl::Current);
        let told = selected_pages(&all, &parameters, &on()).unwrap();
        assert_eq!(changed(&parameters, &told), parameters);
    }
}

/// Each bit of each page, flipped alone: what cannot change is refused and pointed at, what can is
/// taken, or refused for its value; and what was taken is told from then on.
#[test]
fn the_mask_tells_the_truth() {
    let parameters = on();
    for page in parameters.all() {
        let (told, mask, id) = (page.to_bytes(), page.mask(), page.id());
        for at in id.header_length()..told.len() {
            for bit in 0..8 {
                let mut list = told.clone();
                list[at] ^= 1 << bit;
                let result = apply(&parameters, &list);
                if mask[at] >> bit & 1 == 0 {
                    let byte = 12 + u16::try_from(at).unwrap();
                    let fault = Sense::invalid_field_in_parameter_list(byte).at_bit(bit);
                    assert_eq!(result, Err(fault), "{id:?} byte {at} bit {bit}");
                } else if let Ok(after) = result {
                    assert_ne!(after, parameters, "{id:?} byte {at} bit {bit}");
                }
            }
        }
    }
}

#[test]
fn either_page_switches_compression() {
    let mut list = page(&on(), 0x0f, PageControl::Current);
    list[2] &= !0x80;
    assert_eq!(changed(&on(), &list), off());
    list[2] |= 0x80;
    assert_eq!(changed(&off(), &list), on());
    list[7] = 0;
    assert_eq!(changed(&on(), &list), off(), "algorithm none");
    let mut list = page(&on(), 0x10, PageControl::Current);
    list[14] = 0;
    assert_eq!(changed(&on(), &list), off());
}

#[test]
fn faults_are_pointed_at() {
    let fault = |byte| Err(Sense::invalid_field_in_parameter_list(byte));
    let fault_at_bit = |byte, bit| Err(Sense::invalid_field_in_parameter_list(byte).at_bit(bit));
    let mut list = page(&on(), 0x0f, PageControl::Current);
    list[3] = 0; // DDE, not changeable; the page starts at byte 12 of the list
    assert_eq!(apply(&on(), &list), fault_at_bit(15, 7));
    assert_eq!(apply(&on(), &[0x0f, 2, 0xc0, 0x80]), fault(13), "length");
    assert_eq!(
        apply(&on(), &[0x3e, 0]),
        fault_at_bit(12, 5),
        "no such page"
    );
    assert_eq!(
        apply(&on(), &[0x4f, 1, 0, 0]),
        fault(13),
        "no such sub-page"
    );
}

#[test]
fn what_is_not_there_is_pointed_at() {
    let refused = |code, subpage, control| {
        selected_pages(&sense(code, subpage, control), &on(), &on()).unwrap_err()
    };
    let current = PageControl::Current;
    let no_page = Sense::invalid_field_in_cdb(2).at_bit(5);
    assert_eq!(refused(0x3e, 0, current), no_page);
    assert_eq!(refused(0x3e, ALL_SUBPAGES, current), no_page);
    let no_subpage = Sense::invalid_field_in_cdb(3);
    assert_eq!(refused(0x0f, 1, current), no_subpage);
    assert_eq!(refused(ALL_PAGES, 1, current), no_subpage);
    assert_eq!(
        refused(0x0f, 0, PageControl::Saved).additional,
        crate::AdditionalSense::SAVING_PARAMETERS_NOT_SUPPORTED
    );
}

#[test]
fn control_data_protection_page() {
    let told = |parameters: &DriveParameters| {
        let command = sense(0x0a, 0xf0, PageControl::Current);
        selected_pages(&command, parameters, &on()).unwrap()
    };
    let bytes = told(&on());
    assert_eq!(bytes[..8], [0x4a, 0xf0, 0, 0x1c, 1, 4, 0xc0, 0]);
    assert_eq!(bytes[8..], [0; 24]);
    let mut list = bytes.clone();
    list[4] = 0; // no method: the other fields mean nothing
    let none = changed(&on(), &list);
    assert_eq!(told(&none)[4..7], [0, 0, 0]);
    list[4..7].copy_from_slice(&[1, 4, 0x40]);
    let reading = changed(&none, &list).control_data_protection;
    assert_eq!(
        (reading.for_reading(), reading.for_writing()),
        (Some(Method::ReedSolomon), None)
    );
}

#[test]
fn a_method_that_the_drive_lacks_is_refused() {
    let fault = |byte| Err(Sense::invalid_field_in_parameter_list(byte));
    let mut list = vec![0; 32];
    list[..4].copy_from_slice(&[0x4a, 0xf0, 0, 0x1c]);
    for (method, length, expected) in [
        (2, 4, fault(16)),
        (3, 4, fault(16)),
        (0xf0, 4, fault(16)),
        (1, 0, fault(17)),
        (1, 8, fault(17)),
    ] {
        list[4..6].copy_from_slice(&[method, length]);
        assert_eq!(apply(&on(), &list), expected, "method {method}");
    }
    list[4..7].copy_from_slice(&[1, 4, 0xe0]);
    let recover = Sense::invalid_field_in_parameter_list(18).at_bit(5);
    assert_eq!(apply(&on(), &list), Err(recover), "RBDP");
    let mut without = on();
    without.control_data_protection = ControlDataProtection::default();
    let command = sense(0x0a, 0xf0, PageControl::Current);
    assert!(selected_pages(&command, &without, &without).is_err());
}

#[test]
fn tests_of_tape_alert_are_asked_for_once() {
    use crate::spc::tape_alert::Flag;
    let test = |number: i32| {
        let mut list = page(&on(), 0x1c, PageControl::Current);
        assert_eq!(list, [0x1c, 10, 0x08, 0x03, 0, 0, 0, 0, 0, 0, 0, 0]);
        list[2] |= 0x04;
        list[8..].copy_from_slice(&number.to_be_bytes());
        apply(&on(), &list).map(|after| after.informational_exceptions.test.unwrap())
    };
    let flag = |number| Flag::new(number).unwrap();
    assert_eq!(test(0), Ok(AlertTest::Report));
    assert_eq!(test(64), Ok(AlertTest::Raise(flag(64))));
    assert_eq!(test(-1), Ok(AlertTest::Lower(flag(1))));
    assert_eq!(test(32767), Ok(AlertTest::RaiseAll));
    for number in [65, -65, 32766, i32::MIN, i32::MAX] {
        assert_eq!(
            test(number),
            Err(Sense::invalid_field_in_parameter_list(20))
        );
    }
}

#[test]
fn later_generations_have_more_pages() {
    let pages = |generation, ibm| {
        let parameters = DriveParameters::new(DriveFeatures {
            generation,
            ibm,
            ..DriveFeatures::everything()
        });
        let all = parameters.all();
        let present = all.iter().filter(|page| page.is_present());
        present.map(|page| page.id()).collect::<Vec<_>>()
    };
    let has = |generation, ibm, id| pages(generation, ibm).contains(&id);
    for (id, since, of_ibm) in [
        (PageId::subpage(0x0a, 0x01), 4, false),
        (PageId::page(0x1a), 4, false),
        (PageId::page(0x25), 3, true),
        (PageId::page(0x2f), 2, true),
    ] {
        assert!(!has(since - 1, true, id), "{id:?}");
        assert!(has(since, true, id), "{id:?}");
        assert_eq!(has(since, false, id), !of_ibm, "{id:?}");
    }
}

/// As IBM's drives have them; who does not encrypt, or is not IBM's, has neither.
#[test]
fn pages_about_encryption_are_there_when_the_drive_encrypts() {
    for (ibm, encryption) in [(true, true), (true, false), (false, true)] {
        let parameters = DriveParameters::new(DriveFeatures {
            ibm,
            encryption,
            ..DriveFeatures::everything()
        });
        for (id, bytes) in [
            (PageId::page(0x24), &[0x24, 6, 0, 0, 0, 0, 0, 1][..]),
            (
                PageId::subpage(0x30, 0x20),
                &[0x70, 0x20, 0, 5, 0, 3, 1, 1, 0],
            ),
        ] {
            let all = parameters.all();
            let page = all.iter().find(|page| page.id() == id).unwrap();
            assert_eq!(page.is_present(), ibm && encryption);
            let mut written = vec![0; page.length()];
            page.write(&mut written);
            assert_eq!(written[4..], bytes[4..], "{id:?}");
            assert_eq!(written.len(), bytes.len(), "{id:?}");
        }
    }
}
