//! Files that a running daemon wrote before it was killed, and what befalls files on disks.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::{Story, segments};
use crate::support::child::{BINARY, Child, capstan_ok};
use crate::support::host::Host;
use crate::support::noise;

/// A data directory as `kill -9` leaves it: CAP001L5 was loaded and written three times, and is in a drive.
fn killed() -> Story {
    let story = Story::empty();
    let child = Child::serve(&story.data());
    for session in 0..3 {
        capstan_ok(&story.data(), &["drive", "load", "0", "CAP001L5"]);
        let mut host = Host::log_in(child.portal, &child.targets[1]);
        host.attentions();
        // SPACE to the end of data.
        host.space(3, 0);
        for block in 0..4 {
            host.write_block(&noise(10 * session + block, 70_000));
        }
        host.write_filemarks(1);
        if session < 2 {
            host.unload();
            host.log_out();
            capstan_ok(&story.data(), &["drive", "unload", "0"]);
        }
    }
    child.kill();
    story
}

/// What happened to the files, and what `verify` and `recover` do.
struct Accident {
    happen: fn(&Path),
    /// What `verify` says.
    says: &'static [&'static str],
    /// Blocks of twelve that `recover` saves; `None` when it refuses.
    saved: Option<u64>,
}

/// The segments by their numbers, from 1.
fn segment(directory: &Path, number: usize) -> PathBuf {
    segments(directory).swap_remove(number - 1)
}

fn zero_headers(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[..8192].fill(0);
    fs::write(path, bytes).unwrap();
}

const ACCIDENTS: [Accident; 12] = [
    Accident {
        happen: |_| {},
        says: &["12  820.3 KiB     0  clean"],
        saved: Some(12),
    },
    Accident {
        happen: |directory| {
            let mut options = fs::File::options();
            let file = options.write(true).open(segment(directory, 2)).unwrap();
            file.set_len(100_000).unwrap();
        },
        says: &[
            "no footer, and no frames: the file was cut short, or is damaged there (bytes 8192 to 99999)",
            "lost: objects 5 to 9, 1 filemark among them (file 1 from block 0): 0-00000002-",
            "put it back; `capstan cartridge recover CAP001L5 --output DIR` saves what can be read",
        ],
        saved: Some(8),
    },
    Accident {
        happen: |directory| fs::write(segment(directory, 2), "").unwrap(),
        says: &["both copies of the header are damaged; the chain file knows what they said"],
        saved: Some(8),
    },
    Accident {
        happen: |directory| zero_headers(&segment(directory, 2)),
        says: &[
            "the chain file knows what they said",
            "writes it anew, with nothing lost",
        ],
        saved: Some(12),
    },
    Accident {
        happen: |directory| {
            let [one, two] = [1, 2].map(|number| segment(directory, number));
            fs::rename(&one, directory.join("between")).unwrap();
            fs::rename(&two, &one).unwrap();
            fs::rename(directory.join("between"), &two).unwrap();
        },
        says: &[
            "0-00000001-",
            "its header says that it is 0-00000002-",
            ": rename it",
            ": 0-*-",
        ],
        saved: Some(4),
    },
    Accident {
        happen: |directory| fs::remove_file(segment(directory, 1)).unwrap(),
        says: &[
            "0-00000001-",
            ".seg: is missing; the chain file knows of it",
            "the file is missing",
        ],
        saved: Some(8),
    },
    Accident {
        happen: |directory| {
            fs::remove_file(directory.join("chain")).unwrap();
            fs::remove_file(segment(directory, 2)).unwrap();
        },
        says: &[
            "0-00000003-",
            " before it is missing",
            "in a segment behind this one that is missing",
        ],
        saved: Some(8),
    },
    Accident {
        happen: |directory| {
            let path = segment(directory, 2);
            fs::remove_file(&path).unwrap();
            symlink("/nowhere", path).unwrap();
        },
        says: &[
            "lost: objects 5 to 9",
            "cannot be read: No such file or directory",
        ],
        saved: Some(8),
    },
    Accident {
        happen: |directory| {
            let path = segment(directory, 2);
            fs::rename(&path, directory.join("elsewhere")).unwrap();
            symlink("elsewhere", path).unwrap();
            let names = [
                "0-zz.seg",
                "0-00000009-x.seg",
                ".hidden",
                "a\nb",
                "label.bak",
            ];
            for name in names {
                fs::write(directory.join(name), "junk").unwrap();
            }
            fs::create_dir(directory.join("lost+found")).unwrap();
        },
        says: &["clean"],
        saved: Some(12),
    },
    Accident {
        happen: |directory| fs::write(directory.join("chain"), "junk").unwrap(),
        says: &["chain: the file is too short; headers are read instead, and a new one is written"],
        saved: Some(12),
    },
    Accident {
        happen: |directory| {
            fs::write(directory.join("memory"), "junk").unwrap();
            fs::write(directory.join("key"), "junk").unwrap();
        },
        says: &[
            "memory: has no second line; a new one takes its place",
            "nothing lost: key: ",
        ],
        saved: Some(12),
    },
    Accident {
        happen: |directory| {
            fs::remove_file(directory.join("chain")).unwrap();
            fs::write(segment(directory, 3), "").unwrap();
        },
        says: &["header and frames are damaged: what it held and cut off is not known"],
        saved: None,
    },
];

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn whatever_befalls_the_files_is_told_with_their_names_and_what_to_do() {
    let story = killed();
    let whole = story.cartridge("CAP001L5");
    for (number, accident) in ACCIDENTS.iter().enumerate() {
        let [damaged, new] = ["damaged", "new"].map(|name| format!("{name}-{number}"));
        let directory = story.folder.path().join(&damaged);
        copy(&whole, &directory);
        (accident.happen)(&directory);
        let (text, status) = story.run(&["verify", &damaged]);
        for part in accident.says {
            assert!(text.contains(part), "{number}: {part}: {text}");
        }
        let is_clean = text.contains("  clean\n");
        assert_eq!(status, i32::from(!is_clean), "{number}: {text}");
        let mut lines: Vec<&str> = text.lines().collect();
        lines.dedup();
        assert_eq!(lines.len(), text.lines().count(), "{number}: {text}");

        let (text, status) = story.run(&["recover", &damaged, "--output", &new]);
        let Some(saved) = accident.saved else {
            assert!(text.contains("--drop-damaged-tail"), "{number}: {text}");
            assert_eq!(status, 2, "{number}: {text}");
            continue;
        };
        assert!(
            text.contains(&format!("CAP001L5: {saved} blocks")),
            "{number}: {text}"
        );
        assert_eq!(status, i32::from(saved < 12), "{number}: {text}");
        assert_eq!(story.run(&["verify", &new]).1, 0, "{number}");
    }
}

#[test]
fn what_this_user_may_not_read_is_not_called_damaged() {
    let story = killed();
    let directory = story.folder.path().join("copy");
    copy(&story.cartridge("CAP001L5"), &directory);
    let open =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for path in fs::read_dir(&directory).unwrap() {
        open(&path.unwrap().path(), 0o644);
    }
    open(story.folder.path(), 0o777);
    open(&segment(&directory, 2), 0);
    for verb in [
        &["verify", "copy"][..],
        &["dump", "copy"],
        &["recover", "copy", "--output", "new"],
    ] {
        // Root may read everything.
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid=65534", "--clear-groups", BINARY]);
        if !rustix::process::geteuid().is_root() {
            command = std::process::Command::new(BINARY);
        }
        let output = command
            .arg("cartridge")
            .args(verb)
            .current_dir(story.folder.path());
        let output = output
            .env("CAPSTAN_DATA", story.folder.path())
            .env_remove("CAPSTAN_CONFIG");
        let output = output.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("0-00000002-") && said.contains("run this as the user"),
            "{said}"
        );
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(!story.folder.path().join("new").exists());
    }
}
