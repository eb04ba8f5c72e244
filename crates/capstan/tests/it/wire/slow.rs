//! A motion that takes as long as the test wants.
//!
//! How: the label of a cartridge is replaced by a FIFO. Whoever loads the cartridge reads the label
//! first and hangs until somebody writes, as a real changer hangs in its mechanics.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};

use crate::support::{TestGateway, eventually};

/// A cartridge whose loading hangs until it is released or dropped.
pub(crate) struct SlowLoad {
    label: PathBuf,
    kept: Option<Vec<u8>>,
    /// Open since somebody hangs.
    fifo: Option<File>,
    /// MOVE MEDIUM of the cartridge from its slot to drive 0.
    pub(crate) move_medium: [u8; 12],
}

impl SlowLoad {
    /// Lets the loading of the tape in `slot:1` hang.
    pub(crate) fn prepare(gateway: &TestGateway) -> Self {
        let barcode = gateway.tape_in("slot:1").unwrap();
        let label = label_of(gateway.data(), &barcode);
        let kept = fs::read(&label).unwrap();
        fs::remove_file(&label).unwrap();
        mknodat(CWD, &label, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let [from_high, from_low] = gateway.address("slot:1").to_be_bytes();
        let [to_high, to_low] = gateway.address("drive:0").to_be_bytes();
        Self {
            label,
            kept: Some(kept),
            fifo: None,
            move_medium: [
                0xa5, 0, 0, 0, from_high, from_low, to_high, to_low, 0, 0, 0, 0,
            ],
        }
    }

    /// Waits until the motion has begun.
    pub(crate) fn wait_until_it_hangs(&mut self) {
        let mut options = OpenOptions::new();
        options.write(true);
        options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        eventually("somebody reads the label", || {
            // Fails as long as nobody has it open for reading.
            self.fifo = options.open(&self.label).ok();
            self.fifo.is_some()
        });
    }

    /// Lets the motion end.
    pub(crate) fn release(mut self) {
        self.let_go();
    }

    fn let_go(&mut self) {
        let Some(kept) = self.kept.take() else {
            return;
        };
        // Who reads the label again finds a file.
        let file = self.label.with_extension("kept");
        fs::write(&file, &kept).unwrap();
        fs::rename(&file, &self.label).unwrap();
        if let Some(mut fifo) = self.fifo.take() {
            fifo.write_all(&kept).unwrap();
        }
    }
}

impl Drop for SlowLoad {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// Finds a cartridge's label by its barcode.
fn label_of(data: &Path, barcode: &str) -> PathBuf {
    fs::read_dir(data.join("cartridges"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("label"))
        .find(|label| {
            let text = fs::read(label).unwrap();
            String::from_utf8_lossy(&text).contains(barcode)
        })
        .expect("the cartridge has a label")
}
