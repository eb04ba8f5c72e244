//! A [`Config`] as commented TOML: documentation, template and answer in one. What it prints reads
//! back as the same configuration.

use std::fmt::Write as _;

use ipnet::IpNet;
use tape_library::inject::Delays;
use tape_library::profile::NewCartridgesGo;
use tape_library::room::{SLOW_BELOW_DEFAULT_BYTES, STOP_BELOW_DEFAULT_BYTES};

use super::access::{AccessRule, Authentication, all_networks};
use super::chap::ChapAccount;
use super::redirect::{Permanence, RedirectRule};
use super::{
    ByteSize, CartridgeConfig, Compression, Config, IscsiConfig, KeyKind, KeyPlace, KeySource,
    LibraryConfig, Machine, Preset, StorageConfig, TargetLayout,
};

/// What becomes of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Only their files are named.
    Hidden,
    /// They stand in comments below their accounts.
    Shown,
}

/// Returns the effective configuration.
pub fn to_toml(config: &Config, secrets: Secrets) -> String {
    let mut out = general(config) + &profiles(config) + &iscsi(&config.iscsi, secrets);
    for rule in &config.iscsi.access {
        out.push_str(&access(rule, secrets));
    }
    out.push_str(REDIRECT);
    for rule in &config.iscsi.redirect {
        out.push_str(&redirect(rule));
    }
    out.push_str(&cartridge(config.cartridge));
    out.push_str(&storage(config.storage));
    out.push_str(ENCRYPTION);
    for source in &config.encryption {
        out.push_str(&encryption_key(source));
    }
    out.push_str(&delays(config.delays));
    out.push_str(LIBRARY);
    for library in &config.libraries {
        out.push_str(&one_library(library));
    }
    out
}

const LIBRARY: &str = r#"
# Libraries beside the main one, which every gateway has: each with its own changer, drives and tapes,
# below libraries/NAME in the data directory. `--library NAME` says which one a command means; the one
# that every gateway has is called main. `targets` is as [iscsi] says unless it stands here.
# [[library]]
# name = "east"
# preset = "tape-gateway" # or a table [library.machine], as [machine] above
# targets = "single"
"#;

fn one_library(library: &LibraryConfig) -> String {
    let comment = if library.machine.is_some() { "# " } else { "" };
    let machine = library.machine.as_ref();
    format!(
        "\n[[library]]\nname = {}\n{comment}preset = {}\ntargets = {}\n{}",
        quoted(library.name.as_str()),
        quoted(preset(library.preset)),
        quoted(targets(library.targets)),
        machine.map_or_else(String::new, |it| machine_text("library.machine", it)),
    )
}

fn preset(preset: Preset) -> &'static str {
    match preset {
        Preset::Default => "default",
        Preset::TapeGateway => "tape-gateway",
    }
}

fn targets(layout: TargetLayout) -> &'static str {
    match layout {
        TargetLayout::PerDevice => "per-device",
        TargetLayout::Single => "single",
    }
}

fn general(config: &Config) -> String {
    let name = match &config.name {
        Some(name) => format!("name = {}", quoted(name.as_str())),
        None => "# name = \"lab-1\"".to_owned(),
    };
    // A machine takes the place of the preset.
    let comment = if config.machine.is_some() { "# " } else { "" };
    let preset_line = format!("{comment}preset = {}", quoted(preset(config.preset)));
    format!(
        r#"# Configuration of Capstan. Command line and environment win over this file.

# Where everything is kept. Also: --data, CAPSTAN_DATA.
data = {data}

# The gateway's part of target names: lower-case letters, digits, hyphens. Without it, a name is
# made at the first start and kept.
{name}

# What the first start creates in an empty data directory: "default" (STK L700, 4 drives, 24 slots,
# 20 cartridges) or "tape-gateway" (AWS Gateway-VTL, 10 drives, 1600 slots).
{preset}

# error, warn, info, debug or trace; or directives such as "info,capstan::portal=debug".
log = {log}
"#,
        data = quoted(&config.data.to_string_lossy()),
        preset = preset_line,
        log = quoted(&config.log),
    )
}

fn profiles(config: &Config) -> String {
    let comment = if config.profiles.is_some() { "" } else { "# " };
    let directory = quoted(&config.profiles_directory().to_string_lossy());
    let machine = config.machine.as_ref();
    format!(
        r"
[profiles]
# Models of drives and changers of your own: *.toml files; see `capstan profile list`.
{comment}directory = {directory}
{}",
        machine.map_or_else(|| MACHINE.to_owned(), |it| machine_text("machine", it))
    )
}

const MACHINE: &str = r#"
# What the first start creates, instead of a preset: profiles of the changer and of each drive, numbers
# of slots, and the cartridges to begin with. Only `changer` and `drives` are needed; without `media`,
# cartridges are of the first drive's generation. `elements` moves the addresses of elements.
# [machine]
# changer = "ibm-3573-tl"
# drives = ["ibm-ult3580-td8", "ibm-ult3580-td8"]
# slots = 24
# import_export_slots = 4
# cartridges = 0
# barcode_prefix = "CAP"
# media = "LTO-8"
# new_cartridges = "storage"
# elements = { picker = 1, import_export = 0x10, drives = 0x100, storage = 0x1000 }
"#;

fn machine_text(table: &str, machine: &Machine) -> String {
    let mut out = format!(
        "\n[{table}]\nchanger = {}\ndrives = {}\nslots = {}\nimport_export_slots = {}\n\
         cartridges = {}\nbarcode_prefix = {}\n",
        quoted(&machine.changer),
        list(machine.drives.iter()),
        machine.slots,
        machine.import_export_slots,
        machine.cartridges,
        quoted(&machine.barcode_prefix),
    );
    if let Some(media) = &machine.media {
        let _ = writeln!(out, "media = {}", quoted(media));
    }
    let new_cartridges = match machine.new_cartridges {
        NewCartridgesGo::Storage => "storage",
        NewCartridgesGo::ImportExport => "import-export",
    };
    let _ = writeln!(out, "new_cartridges = {}", quoted(new_cartridges));
    if let Some(at) = machine.elements {
        let _ = writeln!(
            out,
            "elements = {{ picker = {}, import_export = {}, drives = {}, storage = {} }}",
            at.picker, at.import_export, at.drives, at.storage
        );
    }
    out
}

fn iscsi(iscsi: &IscsiConfig, secrets: Secrets) -> String {
    format!(
        r#"
[iscsi]
# Addresses to listen on, IPv4 or IPv6, with or without port. Also: --listen.
listen = {listen}
# "per-device": a target for the changer and one for each drive; "single": one target with the
# changer as LUN 0 and the drives after it.
targets = {targets}
# What target names begin with.
iqn_prefix = {iqn_prefix}
# Addresses to tell in discovery instead of those above, for NAT and containers.
advertise = {advertise}
# Sessions at one time; an initiator needs one for each target. Logins that are not finished and
# discovery do not count.
connections_max = {connections_max}
# How long a login may take.
login_timeout_seconds = {login_timeout}
# Memory that all sessions together may hold for data and answers: 64 MiB to 1 TiB. Each owns 2 MiB of
# it; logins for which that is not left are refused.
memory_max = {memory_max}

# What a discovery session must prove: `chap` and `mutual_chap` as below.
[iscsi.discovery]
{discovery}
# Who may log in. The first rule that fits initiator name, address and target decides; when there
# are rules and none fits, the target is neither shown nor served. Without any rule everybody may
# log in to everything. `*` stands for any run of characters; a key that is left out fits all.
# [[iscsi.access]]
# initiators = ["iqn.1993-08.org.debian:*"]
# networks = ["10.0.0.0/8", "fd00::/8"]
# targets = ["*-mediachanger", "*-tapedrive-0*"]
# chap = {{ user = "backup", secret_file = "/etc/capstan/backup.secret" }}
# mutual_chap = {{ user = "capstan", secret_file = "/etc/capstan/own.secret" }}
"#,
        listen = list(iscsi.listen.iter()),
        targets = quoted(targets(iscsi.targets)),
        iqn_prefix = quoted(&iscsi.iqn_prefix.to_string()),
        advertise = list(iscsi.advertise.iter()),
        connections_max = iscsi.connections_max,
        login_timeout = iscsi.login_timeout.as_secs(),
        memory_max = quoted(&iscsi.memory_max.exact()),
        discovery = chap(iscsi.discovery.as_ref(), secrets),
    )
}

fn access(rule: &AccessRule, secrets: Secrets) -> String {
    format!(
        "\n[[iscsi.access]]\ninitiators = {}\n{}targets = {}\n{}",
        list(rule.initiators.iter()),
        networks(&rule.networks),
        list(rule.targets.iter()),
        chap(rule.authentication.as_ref(), secrets),
    )
}

fn redirect(rule: &RedirectRule) -> String {
    let permanence = match rule.permanence {
        Permanence::Temporary => "temporary",
        Permanence::Permanent => "permanent",
    };
    format!(
        "\n[[iscsi.redirect]]\ninitiators = {}\n{}targets = {}\naddress = {}\npermanence = {}\n",
        list(rule.initiators.iter()),
        networks(&rule.networks),
        list(rule.targets.iter()),
        quoted(&rule.address.to_string()),
        quoted(permanence),
    )
}

fn networks(networks: &[IpNet]) -> String {
    if networks == all_networks() {
        return String::new();
    }
    format!("networks = {}\n", list(networks.iter()))
}

fn cartridge(cartridge: CartridgeConfig) -> String {
    let compression = match cartridge.compression {
        Compression::None => "none",
        Compression::Lz4 => "lz4",
        Compression::Zstd => "zstd",
        Compression::Lzo => "lzo",
    };
    format!(
        r#"
[cartridge]
# How blocks are compressed: "none", "lz4", "zstd" or "lzo". Blocks that do not shrink are kept as
# they are, and every cartridge reads back whatever it was written with.
compression = {compression}
# When a segment file is full: 16 MiB to 1 GiB.
segment_size = {segment_size}
"#,
        compression = quoted(compression),
        segment_size = quoted(&cartridge.segment_size.exact()),
    )
}

fn storage(storage: StorageConfig) -> String {
    let mark = |key: &str, set: Option<ByteSize>, default_bytes: u64| match set {
        Some(size) => format!("{key} = {}", quoted(&size.exact())),
        None => format!("# {key} = {}", quoted(&ByteSize(default_bytes).exact())),
    };
    format!(
        r#"
[storage]
# When the file system of the data directory is nearly full: with less free space than slow_below, drives
# take longer for each write, the less the longer, up to a quarter of a second; with less than stop_below
# they refuse blocks with a write error. Filemarks, unloading and reading still work. Without these lines:
# 2 GiB and 256 MiB, but at most 2 % and 0.25 % of the file system. "0" is never.
{slow}
{stop}
"#,
        slow = mark("slow_below", storage.slow_below, SLOW_BELOW_DEFAULT_BYTES),
        stop = mark("stop_below", storage.stop_below, STOP_BELOW_DEFAULT_BYTES),
    )
}

const ENCRYPTION: &str = r#"
# Keys for encryption at rest: without any, tapes are not encrypted. New tapes are encrypted under the first;
# the others only open tapes, until `capstan key rotate` has moved these to the first. One table for each
# key, with one of:
#   file, environment, credential                a key; `capstan key generate FILE` makes one
#   passphrase_file, passphrase_environment, passphrase_credential
# A file must not be readable by everybody; a credential is one of systemd. Without the key the tapes are
# lost: keep a copy somewhere else. Also: --encryption-key. See docs/encryption.md.
# [[encryption.key]]
# file = "/etc/capstan/tapes.key"
"#;

/// Returns the table of a key.
pub fn encryption_key(source: &KeySource) -> String {
    let prefix = match source.kind {
        KeyKind::Key => "",
        KeyKind::Passphrase => "passphrase_",
    };
    let (name, value) = match &source.place {
        KeyPlace::File(path) => ("file", path.to_string_lossy()),
        KeyPlace::Environment(name) => ("environment", name.into()),
        KeyPlace::Credential(name) => ("credential", name.into()),
    };
    format!(
        "\n[[encryption.key]]\n{prefix}{name} = {}\n",
        quoted(&value)
    )
}

fn delays(delays: Delays) -> String {
    format!(
        r"
# How long the mechanics take, for software that has to bear real ones: 0 to 3600 seconds.
[delays]
# From the robot's load, or LOAD with IMMED, until the drive is ready; and to take a tape out of the path.
load_seconds = {load}
unload_seconds = {unload}
rewind_seconds = {rewind}
# LOCATE and SPACE.
locate_seconds = {locate}
# The robot's way from a place to another.
transport_seconds = {transport}
# To clean a drive.
clean_seconds = {clean}
",
        load = delays.load.as_secs(),
        unload = delays.unload.as_secs(),
        rewind = delays.rewind.as_secs(),
        locate = delays.locate.as_secs(),
        transport = delays.transport.as_secs(),
        clean = delays.clean.as_secs(),
    )
}

fn chap(authentication: Option<&Authentication>, secrets: Secrets) -> String {
    let Some(Authentication { initiator, target }) = authentication else {
        return String::new();
    };
    let mut out = account("chap", initiator, secrets);
    if let Some(target) = target {
        out.push_str(&account("mutual_chap", target, secrets));
    }
    out
}

fn account(key: &str, account: &ChapAccount, secrets: Secrets) -> String {
    let mut out = format!(
        "{key} = {{ user = {}, secret_file = {} }}\n",
        quoted(&account.user),
        quoted(&account.secret_file.to_string_lossy())
    );
    if secrets == Secrets::Shown {
        let secret = account.secret.expose().escape_ascii();
        let _ = writeln!(out, "# secret of {key}: {secret}"); // a string takes everything
    }
    out
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list<T: ToString>(items: impl Iterator<Item = T>) -> String {
    let items: Vec<String> = items.map(|item| quoted(&item.to_string())).collect();
    format!("[{}]", items.join(", "))
}

const REDIRECT: &str = r#"
# Logins to send elsewhere, for a target that has moved or a portal to keep free. The first rule that
# fits decides, among initiators that the rules above let in; a login that comes in on `address`
# itself is served. "temporary": the initiator asks here again the next time; "permanent": it goes
# there from now on.
# [[iscsi.redirect]]
# initiators = ["iqn.1993-08.org.debian:*"]
# networks = ["10.0.0.0/8"]
# targets = ["*-tapedrive-0*"]
# address = "192.0.2.11:3260"
# permanence = "temporary"
"#;
