//! A [`Config`] as commented TOML: documentation, template and answer in one. What it prints reads
//! back as the same configuration.

use std::fmt::Write as _;

use super::access::{AccessRule, Authentication, all_networks};
use super::chap::ChapAccount;
use super::{Compression, Config, Preset, TargetLayout};

/// Returns the effective configuration. Secrets are named by their files and never printed.
pub fn to_toml(config: &Config) -> String {
    let mut out = String::new();
    general(&mut out, config);
    iscsi(&mut out, config);
    for rule in &config.iscsi.access {
        access(&mut out, rule);
    }
    cartridge(&mut out, config);
    out
}

fn general(out: &mut String, config: &Config) {
    line(
        out,
        "# Configuration of Capstan. Command line and environment win over this file.",
    );
    line(out, "");
    line(
        out,
        "# Where everything is kept. Also: --data, CAPSTAN_DATA.",
    );
    key(out, "data", &quoted(&config.data.to_string_lossy()));
    line(out, "");
    line(
        out,
        "# The gateway's part of target names: lower-case letters, digits, hyphens. Without it, a",
    );
    line(out, "# name is made at the first start and kept.");
    match &config.name {
        Some(name) => key(out, "name", &quoted(name.as_str())),
        None => line(out, "# name = \"lab-1\""),
    }
    line(out, "");
    line(
        out,
        "# What the first start creates in an empty data directory: \"default\" (STK L700, 4 drives,",
    );
    line(
        out,
        "# 24 slots, 20 cartridges) or \"tape-gateway\" (AWS Gateway-VTL, 10 drives, 1600 slots).",
    );
    let preset = match config.preset {
        Preset::Default => "default",
        Preset::TapeGateway => "tape-gateway",
    };
    key(out, "preset", &quoted(preset));
    line(out, "");
    line(
        out,
        "# error, warn, info, debug or trace; or directives such as \"info,capstan::portal=debug\".",
    );
    key(out, "log", &quoted(&config.log));
}

fn iscsi(out: &mut String, config: &Config) {
    let iscsi = &config.iscsi;
    line(out, "");
    line(out, "[iscsi]");
    line(
        out,
        "# Addresses to listen on, IPv4 or IPv6, with or without port. Also: --listen.",
    );
    key(
        out,
        "listen",
        &list(iscsi.listen.iter().map(ToString::to_string)),
    );
    line(
        out,
        "# \"per-device\": a target for the changer and one for each drive; \"single\": one target with",
    );
    line(out, "# the changer as LUN 0 and the drives after it.");
    let targets = match iscsi.targets {
        TargetLayout::PerDevice => "per-device",
        TargetLayout::Single => "single",
    };
    key(out, "targets", &quoted(targets));
    line(out, "# What target names begin with.");
    key(out, "iqn_prefix", &quoted(&iscsi.iqn_prefix.to_string()));
    line(
        out,
        "# Addresses to tell in discovery instead of those above, for NAT and containers.",
    );
    key(
        out,
        "advertise",
        &list(iscsi.advertise.iter().map(ToString::to_string)),
    );
    line(
        out,
        "# Connections at one time; an initiator needs one for each target.",
    );
    key(out, "connections_max", &iscsi.connections_max.to_string());
    line(out, "# How long a login may take.");
    key(
        out,
        "login_timeout_seconds",
        &iscsi.login_timeout.as_secs().to_string(),
    );
    line(out, "");
    line(
        out,
        "# What a discovery session must prove: `chap` and `mutual_chap` as below.",
    );
    line(out, "[iscsi.discovery]");
    if let Some(authentication) = &iscsi.discovery {
        chap(out, authentication);
    }
    line(out, "");
    line(
        out,
        "# Who may log in. The first rule that fits initiator name, address and target decides; when",
    );
    line(
        out,
        "# there are rules and none fits, the target is neither shown nor served. Without any rule",
    );
    line(
        out,
        "# everybody may log in to everything. `*` stands for any run of characters.",
    );
    line(out, "# [[iscsi.access]]");
    line(out, "# initiators = [\"iqn.1993-08.org.debian:*\"]");
    line(out, "# networks = [\"10.0.0.0/8\", \"fd00::/8\"]");
    line(out, "# targets = [\"*-mediachanger\", \"*-tapedrive-0*\"]");
    line(
        out,
        "# chap = { user = \"backup\", secret_file = \"/etc/capstan/backup.secret\" }",
    );
    line(
        out,
        "# mutual_chap = { user = \"capstan\", secret_file = \"/etc/capstan/own.secret\" }",
    );
}

fn access(out: &mut String, rule: &AccessRule) {
    line(out, "");
    line(out, "[[iscsi.access]]");
    key(
        out,
        "initiators",
        &list(rule.initiators.iter().map(ToString::to_string)),
    );
    if rule.networks != all_networks() {
        key(
            out,
            "networks",
            &list(rule.networks.iter().map(ToString::to_string)),
        );
    }
    key(
        out,
        "targets",
        &list(rule.targets.iter().map(ToString::to_string)),
    );
    if let Some(authentication) = &rule.authentication {
        chap(out, authentication);
    }
}

fn cartridge(out: &mut String, config: &Config) {
    line(out, "");
    line(out, "[cartridge]");
    line(
        out,
        "# How blocks are compressed: \"none\", \"lz4\", \"zstd\" or \"lzo\". Blocks that do not shrink are",
    );
    line(
        out,
        "# kept as they are, and every cartridge reads back whatever it was written with.",
    );
    let compression = match config.cartridge.compression {
        Compression::None => "none",
        Compression::Lz4 => "lz4",
        Compression::Zstd => "zstd",
        Compression::Lzo => "lzo",
    };
    key(out, "compression", &quoted(compression));
    line(out, "# When a segment file is full: 16 MiB to 1 GiB.");
    key(
        out,
        "segment_size",
        &quoted(&config.cartridge.segment_size.exact()),
    );
}

fn chap(out: &mut String, authentication: &Authentication) {
    key(out, "chap", &account(&authentication.initiator));
    if let Some(target) = &authentication.target {
        key(out, "mutual_chap", &account(target));
    }
}

fn account(account: &ChapAccount) -> String {
    format!(
        "{{ user = {}, secret_file = {} }}",
        quoted(&account.user),
        quoted(&account.secret_file.to_string_lossy())
    )
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn key(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "{name} = {value}"); // writing to a string cannot fail
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.map(|item| quoted(&item)).collect();
    format!("[{}]", items.join(", "))
}
