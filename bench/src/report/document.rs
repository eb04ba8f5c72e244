//! `docs/performance.md` has the targets of the newest stored report, and each stored report has the
//! tables of its figures.

use std::path::{Path, PathBuf};

use super::Report;

/// How they are written.
const WRITE_IT: &str = "CAPSTAN_WRITE_DOCS=1 cargo test -p bench document";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Returns the newest stored report, whose name is a day, and the path of its JSON.
fn newest() -> (PathBuf, Report) {
    let files = std::fs::read_dir(path("results")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let newest = files
        .filter(|path| path.extension().is_some_and(|it| it == "json"))
        .max()
        .expect("a report is stored");
    let json = std::fs::read_to_string(&newest).unwrap();
    (newest, Report::parse(&json).unwrap())
}

/// Compares the file at `path` with what it should be, or makes it so.
fn expect(path: &Path, wanted: &str) {
    if std::env::var_os("CAPSTAN_WRITE_DOCS").is_some() {
        std::fs::write(path, wanted).unwrap();
        return;
    }
    let is = std::fs::read_to_string(path).unwrap_or_default();
    assert!(is == wanted, "{}: {WRITE_IT}", path.display());
}

#[test]
fn the_document_has_the_targets_of_the_newest_report() {
    let (json, report) = newest();
    let document = path("../docs/performance.md");
    let mut wanted = std::fs::read_to_string(&document).unwrap();
    let name = json.file_stem().unwrap().to_str().unwrap();
    let about = format!(
        "Taken on {name}, revision {}; all tables: [bench/results/{name}.md](../bench/results/{name}.md).\n\n{}",
        report
            .circumstances
            .revision
            .as_deref()
            .unwrap_or("unknown"),
        report.about(),
    );
    for (mark, text) in [("about", about), ("targets", report.targets())] {
        let begin = format!("<!-- {mark} -->\n");
        let (before, rest) = wanted.split_once(&begin).unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        wanted = format!("{before}{begin}{text}<!-- end -->{after}");
    }
    expect(&document, &wanted);
}

#[test]
fn the_stored_tables_are_those_of_the_document_and_its_figures() {
    let (json, report) = newest();
    expect(&json.with_extension("md"), &report.markdown());
}
