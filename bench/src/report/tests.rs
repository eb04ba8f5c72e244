use super::*;
use crate::cell::{Compression, Figure, Peer, Placement, Sealing, Work};

fn circumstances(rounds: u32) -> Circumstances {
    Circumstances {
        revision: Some("abc".to_owned()),
        machine: Machine::this(),
        file_system: "ext4 on disk".to_owned(),
        client_and_target_cpu: None,
        versions: Vec::new(),
        quick: false,
        rounds,
        amount_mib: 1,
        places: 10,
        filemarks: 10,
        load_averages: Vec::new(),
        seconds: 0.0,
        left_out: Vec::new(),
    }
}

fn report(rounds: &[&[(Subject, f64)]]) -> Report {
    let entries: Vec<Entry> = (1..)
        .zip(rounds)
        .map(|(round, figures)| Entry {
            step: format!("{round}/step"),
            round,
            load_average: 0.5,
            seconds: 1.0,
            figures: figures
                .iter()
                .map(|&(subject, value)| Figure {
                    cell: Cell {
                        placement: Placement::Apart,
                        ..Cell::new(subject, Work::Read, 64)
                    },
                    measure: Measure::MegabytesPerSecond,
                    value,
                })
                .collect(),
            left_out: (round == 1).then(|| "tgt: not there".to_owned()),
        })
        .collect();
    let rounds = u32::try_from(rounds.len()).unwrap();
    Report::new(circumstances(rounds), &entries)
}

const NONE: Subject = Subject::Capstan {
    compression: Compression::None,
    sealing: Sealing::Clear,
};

#[test]
fn ratios_are_of_the_best_peer_and_the_limit_of_the_same_round() {
    let report = report(&[
        &[
            (Subject::Exchange, 1000.0),
            (NONE, 500.0),
            (Subject::Peer(Peer::Tgt), 250.0),
            (Subject::Peer(Peer::Istgt), 400.0),
        ],
        &[
            (Subject::Exchange, 500.0),
            (Subject::Peer(Peer::Tgt), 100.0),
            (NONE, 300.0),
        ],
        &[(Subject::Exchange, 500.0), (NONE, 450.0)],
    ]);
    let text = report.targets();
    let line = |part: &str| {
        let found = text.lines().find(|line| line.contains(part));
        found.unwrap_or_else(|| panic!("{part}: {text}"))
    };
    let peers = line("read 64 KiB, apart: of the best peer");
    assert!(
        peers.ends_with("| ≥ 1.5 | 1.25 / **1.25** / 3.00 | **missed** |"),
        "{peers}"
    );
    let limit = line("read 64 KiB, apart: of the lowest limit");
    assert!(
        limit.ends_with("| ≥ 0.7 | 0.50 / **0.60** / 0.90 | **missed** |"),
        "{limit}"
    );
    assert!(line("read 64 KiB, free").ends_with("not measured |"));
}

#[test]
fn json_brings_everything_back() {
    let report = report(&[&[(NONE, 500.0)], &[], &[(NONE, 0.125)]]);
    let json = report.json().unwrap();
    let again = Report::parse(&json).unwrap();
    assert_eq!(again.json().unwrap(), json);
    assert_eq!(again.markdown(), report.markdown());
    assert_eq!(again.rows[0].values, [Some(500.0), None, Some(0.125)]);
    assert!(json.contains("tgt: not there") && again.markdown().contains("tgt: not there"));
}

#[test]
fn combining_takes_what_there_is() {
    let (some, none) = ([Some(1.0), None, None], [Some(3.0), Some(2.0), None]);
    assert_eq!(
        combine(&[&some, &none], f64::max),
        [Some(3.0), Some(2.0), None]
    );
    assert_eq!(
        combine(&[&some, &none], f64::min),
        [Some(1.0), Some(2.0), None]
    );
    assert_eq!(combine(&[], f64::min), []);
}
