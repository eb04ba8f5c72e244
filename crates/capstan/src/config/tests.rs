//! Files in, configurations or complaints out.

use std::path::Path;

use super::chap::Secret;
use super::show::Secrets;
use super::*;

/// Reads `text` as the configuration file of a fresh folder, in which `own.secret` and
/// `host.secret` lie.
fn read(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("host.secret"), "secret of the host\n").unwrap();
    std::fs::write(folder.path().join("own.secret"), "secret of our own\n").unwrap();
    let path = folder.path().join("capstan.toml");
    std::fs::write(&path, text).unwrap();
    load(Some(&path), Overrides::default())
        .map(|loaded| loaded.config)
        .map_err(|error| error.to_string())
}

fn complaint(text: &str) -> String {
    read(text).expect_err("must be refused")
}

#[test]
fn no_file_and_an_empty_file_mean_the_defaults() {
    let defaults = load(None, Overrides::default()).unwrap().config;
    assert_eq!(defaults, Config::default());
    assert_eq!(defaults.data, Path::new("./capstan-data"));
    assert_eq!(defaults.iscsi.listen[0].to_string(), "127.0.0.1:3260");
    assert_eq!(read("").unwrap(), Config::default());
}

#[test]
fn what_is_shown_reads_back_as_the_same_configuration() {
    let config = read(FULL).unwrap();
    assert_eq!(config.name.as_ref().unwrap().as_str(), "lab-1");
    let [east, west] = &config.libraries[..] else {
        panic!("two libraries");
    };
    assert_eq!((east.name.as_str(), west.name.as_str()), ("east", "west-2"));
    assert_eq!(east.targets, TargetLayout::Single, "as [iscsi] says");
    assert_eq!(east.preset, Preset::Default);
    assert_eq!(west.targets, TargetLayout::PerDevice);
    let shown = show::to_toml(&config, Secrets::Hidden);
    assert!(!shown.contains("secret of"), "secrets are not printed");
    let with_secrets = show::to_toml(&config, Secrets::Shown);
    assert!(with_secrets.contains("# secret of chap: secret of the host\n"));
    assert!(with_secrets.contains("# secret of mutual_chap: secret of our own\n"));

    // The secrets' paths are absolute by now, but their folder is gone: put them back.
    let rule = config.iscsi.access[0].authentication.as_ref().unwrap();
    let folder = rule.initiator.secret_file.parent().unwrap();
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("host.secret"), "secret of the host\n").unwrap();
    std::fs::write(folder.join("own.secret"), "secret of our own\n").unwrap();
    let again = read(&shown);
    assert_eq!(read(&with_secrets).as_ref(), again.as_ref(), "comments");
    std::fs::remove_dir_all(folder).unwrap();
    assert_eq!(again.unwrap(), config);

    let defaults = show::to_toml(&Config::default(), Secrets::Hidden);
    let mut again = read(&defaults).unwrap();
    again.data = Config::default().data; // `./` is relative to the file's folder
    assert_eq!(again, Config::default());
}

#[test]
fn a_machine_takes_the_place_of_a_preset() {
    let text = "[profiles]\ndirectory = \"/srv/profiles\"\n\
                [machine]\nchanger = \"ibm-3573-tl\"\ndrives = [\"ibm-ult3580-td8\"]\nmedia = \"LTO-7\"\n\
                elements = { picker = 1, import_export = 0x10, drives = 0x100, storage = 0x1000 }\n\
                [[library]]\nname = \"east\"\n[library.machine]\nchanger = \"hp-msl-g3\"\n\
                drives = [\"hpe-ultrium-9\"]\nnew_cartridges = \"import-export\"";
    let config = read(text).unwrap();
    let machine = config.machine.as_ref().unwrap();
    assert_eq!((machine.slots, machine.cartridges), (24, 0), "defaults");
    let library = config.libraries[0].machine.as_ref().unwrap();
    assert_eq!(library.changer, "hp-msl-g3");
    assert_eq!(config.profiles_directory(), Path::new("/srv/profiles"));
    let shown = show::to_toml(&config, Secrets::Hidden);
    let mut again = read(&shown).unwrap();
    again.data = config.data.clone();
    assert_eq!(again, config);
    let error = read(&format!("preset = \"default\"\n{text}")).unwrap_err();
    assert!(error.contains("take one of them out"), "{error}");
}

#[test]
fn unknown_keys_name_file_line_column_and_what_is_allowed() {
    let complaint = complaint("[iscsi]\nlisten = []\nlisten_on = [\"127.0.0.1\"]\n");
    assert!(
        complaint.contains("capstan.toml:3:1: unknown field `listen_on`"),
        "{complaint}"
    );
    assert!(complaint.contains("`iqn_prefix`"), "{complaint}");
    assert!(complaint.contains("3 | listen_on ="), "{complaint}");
}

#[test]
fn bad_values_name_the_place_and_what_is_allowed() {
    for (text, place, allowed) in [
        ("[[library]]\nname = \"main\"", ":2:8:", "every gateway has"),
        ("[[library]]\nname = \"a/b\"", ":2:8:", "not a library name"),
        (
            "[[library]]\nname = \"a\"\n[[library]]\nname = \"a\"",
            ":4:8:",
            "another library `a`",
        ),
        ("[[library]]\npreset = \"default\"", ":1:1:", "name"),
        ("preset = \"l700\"", ":1:10:", "`tape-gateway`"),
        (
            "\n[iscsi]\nlisten = [\"localhost\"]",
            ":3:10:",
            "127.0.0.1:3260",
        ),
        ("[iscsi]\nlisten = []", ":2:10:", "at least one"),
        ("[iscsi]\nmemory_max = \"1 MiB\"", ":2:14:", "64 MiB"),
        (
            "[iscsi]\nlisten = [\"::1\", \"[::1]:3260\"]",
            ":2:10:",
            "twice",
        ),
        ("[iscsi]\ntargets = \"both\"", ":2:11:", "`per-device`"),
        (
            "[iscsi]\nconnections_max = 0",
            ":2:19:",
            "between 1 and 65536",
        ),
        (
            "[iscsi]\nlogin_timeout_seconds = 900",
            ":2:25:",
            "between 1 and 300",
        ),
        ("[cartridge]\ncompression = \"gzip\"", ":2:15:", "`zstd`"),
        (
            "[cartridge]\nsegment_size = \"1 KiB\"",
            ":2:16:",
            "16 MiB and 1 GiB",
        ),
        ("[delays]\nload_seconds = 3601", ":2:16:", "0 and 3600"),
        (
            "[storage]\nslow_below = \"1 GiB\"\nstop_below = \"2 GiB\"",
            ":3:14:",
            "more than slow_below",
        ),
        ("[storage]\nslow_below = \"-1\"", ":2:14:", "256 MiB"),
        ("[cartridge]\nsegment_size = true", ":2:16:", "256 MiB"),
        ("name = \"Lab 1\"", ":1:8:", "lower-case"),
        ("log = \"loud\"", ":1:7:", "debug or trace"),
        (
            "[[iscsi.access]]\nnetworks = [\"10.0.0.0/40\"]",
            ":2:12:",
            "10.0.0.0/8",
        ),
        (
            "[[iscsi.access]]\ninitiators = []",
            ":2:14:",
            "leave the key out",
        ),
        (
            "[[iscsi.redirect]]\ntargets = [\"*\"]",
            ":1:1:",
            "missing field `address`",
        ),
        (
            "[[iscsi.redirect]]\naddress = \"a b\"",
            ":2:11:",
            "203.0.113.7:3260",
        ),
        (
            "[[iscsi.redirect]]\naddress = \"[::]:3260\"",
            ":2:11:",
            "every address of ours",
        ),
        (
            "[[iscsi.redirect]]\naddress = \"a\"\npermanence = \"forever\"",
            ":3:14:",
            "`permanent`",
        ),
        (
            "[[iscsi.redirect]]\naddress = \"a\"\nnetworks = []",
            ":3:12:",
            "leave the key out",
        ),
        ("data = 7", ":1:8:", "string"),
        ("data = ", ":1:8:", "string"),
    ] {
        let complaint = complaint(text);
        assert!(
            complaint.contains(&format!("capstan.toml{place}")),
            "{text}: {complaint}"
        );
        assert!(complaint.contains(allowed), "{text}: {complaint}");
    }
}

#[test]
fn secrets_in_the_file_are_refused_with_the_reason() {
    let complaint =
        complaint("[[iscsi.access]]\nchap = { user = \"u\", secret = \"0123456789abc\" }");
    assert!(complaint.contains("secret_file"), "{complaint}");
    assert!(complaint.contains("capstan.toml:2:"), "{complaint}");
}

#[test]
fn a_secret_that_stands_in_the_file_is_not_repeated() {
    for text in [
        "[iscsi.discovery]\nchap = { user = \"u\", secret = \"hush hush hush\" }",
        "[iscsi.discovery.chap]\nuser = \"u\"\nsecret = \"hush hush hush\"",
        "[iscsi.discovery.chap]\n\"secret\"= \"hush hush hush",
        "[[iscsi.access]]\nchap_password = \"hush hush hush\"",
        "chap = { secrets=\"hush hush hush\" }",
    ] {
        let complaint = complaint(text);
        assert!(!complaint.contains("hush"), "{complaint}");
        assert!(complaint.contains("= …"), "{complaint}");
    }
    let complaint = complaint("chap = { user = 7, secret_file = \"/etc/it\" }");
    assert!(complaint.contains("/etc/it"), "{complaint}");
}

#[test]
fn secrets_are_read_at_once_and_must_differ() {
    let config = read(
        "[[iscsi.access]]\n\
         chap = { user = \"host\", secret_file = \"host.secret\" }\n\
         mutual_chap = { user = \"us\", secret_file = \"own.secret\" }",
    )
    .unwrap();
    let authentication = config.iscsi.access[0].authentication.as_ref().unwrap();
    assert_eq!(
        authentication.initiator.secret,
        Secret::new(b"secret of the host".to_vec()).unwrap()
    );
    assert_eq!(authentication.target.as_ref().unwrap().user, "us");

    let missing = complaint("[iscsi.discovery]\nchap = { user = \"u\", secret_file = \"gone\" }");
    assert!(
        missing.contains("2:36: iscsi.discovery.chap.secret_file"),
        "{missing}"
    );
    let same = complaint(
        "[[iscsi.access]]\n\
         chap = { user = \"host\", secret_file = \"own.secret\" }\n\
         mutual_chap = { user = \"us\", secret_file = \"own.secret\" }",
    );
    assert!(same.contains("same secret"), "{same}");
    let alone = complaint(
        "[[iscsi.access]]\nmutual_chap = { user = \"us\", secret_file = \"own.secret\" }",
    );
    assert!(alone.contains("needs `chap`"), "{alone}");
}

#[test]
fn keys_come_from_one_place_each_and_the_first_stays_first() {
    let config = read(
        "[[encryption.key]]\nfile = \"new.key\"\n\
         [[encryption.key]]\npassphrase_environment = \"PASSPHRASE\"\n\
         [[encryption.key]]\ncredential = \"tapes\"\n",
    )
    .unwrap();
    let shown: Vec<_> = config.encryption.iter().map(ToString::to_string).collect();
    assert!(
        shown[0].starts_with("file /") && shown[0].ends_with("/new.key"),
        "{shown:?}"
    );
    assert_eq!(
        shown[1..],
        [
            "passphrase, environment variable PASSPHRASE",
            "credential tapes"
        ]
    );
    let text = show::to_toml(&config, Secrets::Hidden);
    assert_eq!(read(&text).unwrap().encryption, config.encryption);
    for text in [
        "[[encryption.key]]\n",
        "[[encryption.key]]\nfile = \"a\"\ncredential = \"b\"\n",
        "[[encryption.key]]\ncredential = \"a/b\"\n",
    ] {
        assert!(complaint(text).contains("encryption.key"), "{text}");
    }
}

#[test]
fn the_command_line_wins_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capstan.toml");
    std::fs::write(&path, "data = \"tapes\"\nname = \"file\"\nlog = \"warn\"\n").unwrap();
    let config = load(Some(&path), Overrides::default()).unwrap().config;
    assert_eq!(
        config.data,
        folder.path().join("tapes"),
        "relative to the file"
    );

    let overrides = Overrides {
        data: Some("/srv/tapes".into()),
        listen: vec!["[::1]:13260".parse().unwrap()],
        ..Overrides::default()
    };
    let config = load(Some(&path), overrides).unwrap().config;
    assert_eq!(config.data, Path::new("/srv/tapes"));
    assert_eq!(config.iscsi.listen[0].to_string(), "[::1]:13260");
    assert_eq!(
        config.log, "warn",
        "the file still counts where nobody overrides it"
    );
}

#[test]
fn a_missing_file_is_named() {
    let error = load(
        Some(Path::new("/nowhere/capstan.toml")),
        Overrides::default(),
    )
    .unwrap_err();
    assert!(error.to_string().contains("/nowhere/capstan.toml"));
}

const FULL: &str = r#"
data = "/srv/tapes"
name = "lab-1"
preset = "tape-gateway"
log = "info,capstan::portal=debug"

[iscsi]
listen = ["0.0.0.0", "[::]:3261"]
targets = "single"
iqn_prefix = "iqn.2001-04.com.example"
advertise = ["tapes.example.org"]
connections_max = 32
login_timeout_seconds = 5

[iscsi.discovery]
chap = { user = "host \"7\"", secret_file = "host.secret" }

[[iscsi.access]]
initiators = ["iqn.1993-08.org.debian:*"]
networks = ["10.0.0.0/8", "192.0.2.7"]
targets = ["*-mediachanger"]
chap = { user = "host", secret_file = "host.secret" }
mutual_chap = { user = "us", secret_file = "own.secret" }

[[iscsi.access]]

[[iscsi.redirect]]
initiators = ["*:elsewhere"]
networks = ["fd00::/8"]
targets = ["*-tapedrive-0*"]
address = "[2001:db8::7]"
permanence = "permanent"

[[iscsi.redirect]]
address = "tapes-2"

[cartridge]
compression = "lzo"
segment_size = "64 MiB"

[storage]
slow_below = "10 GiB"
stop_below = "1.5 GiB"

[[library]]
name = "east"

[[library]]
name = "west-2"
preset = "tape-gateway"
targets = "per-device"
[delays]
load_seconds = 15
unload_seconds = 12
rewind_seconds = 40
locate_seconds = 50
transport_seconds = 8
clean_seconds = 0
"#;
