//! Trailers that disagree with frames, or with one another.

use cartridge::Cartridge;
use cartridge::inspect::Severity;

use super::{Files, cartridge, cartridge_with, crc32c, encrypted_settings, settings, verify};

#[test]
fn a_footer_that_disagrees_with_the_frames_is_found() {
    let (store, _) = cartridge();
    let mut files = Files::of(&store);
    let bytes = &mut files.segments[0].1;
    let trailer = bytes.len() - 256;
    let at = |offset: usize| -> usize { trailer + offset };
    // One filemark fewer, under a good checksum.
    bytes[at(80)] -= 1;
    let checksum = crc32c(&bytes[trailer..trailer + 252]);
    bytes[at(252)..].copy_from_slice(&checksum.to_le_bytes());
    let verification = verify(&files.store());
    let text = format!("{:?}", verification.findings);
    assert!(text.contains("the trailer counts"), "{text}");
}

/// The trailer's part that tells of the one before: CRC and flags.
fn told_before(bytes: &[u8]) -> (&[u8], u8) {
    let trailer = &bytes[bytes.len() - 256..];
    (&trailer[196..200], trailer[200])
}

#[test]
fn a_footer_names_the_one_before_and_another_one_is_found() {
    for (settings, at_rest) in [(settings(), false), (encrypted_settings(), true)] {
        let (store, _) = cartridge_with(&settings);
        // The end is sealed by this.
        drop(Cartridge::open(Box::new(store.clone()), settings.clone()).unwrap());
        let files = Files::of(&store);
        assert_eq!(files.segments.len(), 3);
        assert_eq!(told_before(&files.segments[0].1), (&[0; 4][..], 0));
        for pair in files.segments.windows(2) {
            let crc = pair[0].1.last_chunk::<4>().unwrap();
            assert_eq!(told_before(&pair[1].1), (&crc[..], 1));
        }
        assert_eq!(verify(&store).findings, []);

        if at_rest {
            continue; // there the proof tells what the checksum tells here
        }
        // The second with a trailer as good as the first, but for when it was sealed.
        let mut other = files.clone();
        let bytes = &mut other.segments[1].1;
        let trailer = bytes.len() - 256;
        bytes[trailer + 188] ^= 1;
        let checksum = crc32c(&bytes[trailer..trailer + 252]);
        bytes[trailer + 252..].copy_from_slice(&checksum.to_le_bytes());
        let findings = verify(&other.store()).findings;
        let [finding] = &findings[..] else {
            panic!("{findings:?}");
        };
        assert_eq!(finding.file, files.segments[2].0.to_string());
        let name = files.segments[1].0.to_string();
        assert!(finding.reason.contains(&name), "{findings:?}");
        assert_eq!(finding.severity, Severity::Repairable);

        // Who did not know the field left zeros: nothing is compared.
        let bytes = &mut other.segments[2].1;
        let trailer = bytes.len() - 256;
        bytes[trailer + 196..trailer + 201].fill(0);
        let checksum = crc32c(&bytes[trailer..trailer + 252]);
        bytes[trailer + 252..].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(verify(&other.store()).findings, []);
    }
}
