//! The tables of promises and of guarantees: no cell is empty, and every test that they name exists.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What was promised, and what is guaranteed beyond that.
const TABLES: [&str; 2] = ["docs/promises.md", "docs/guarantees.md"];

/// The cells of each row that is a promise.
fn rows(table: &str) -> Vec<[String; 3]> {
    let table = std::fs::read_to_string(root().join(table)).unwrap();
    let rows = table.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    let cells =
        rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    let cells =
        cells.map(|cells| <[String; 3]>::try_from(cells).unwrap_or_else(|cells| panic!("three cells: {cells:?}")));
    cells.filter(|[promise, ..]| !["promise", "guarantee"].contains(&promise.as_str())).collect()
}

/// What stands between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The file of a test: those of the web client are named with their directory, those of a crate with their path.
fn file(name: &str) -> PathBuf {
    match name.split('/').next() {
        Some("web") => root().join("tests").join(name),
        Some(first) if first.starts_with("chat-") => root().join(name),
        _ => root().join("tests/tests").join(name),
    }
}

fn exists(test: &str) -> bool {
    let Some((file_name, name)) = test.split_once("::") else { return false };
    let Ok(text) = std::fs::read_to_string(file(file_name)) else { return false };
    if file_name.ends_with(".rs") {
        return text.contains(&format!("fn {name}("));
    }
    text.contains(&format!("test(\"{name}\""))
}

#[test]
fn every_promise_is_kept_by_something_and_shown_by_something() {
    let (promises, guarantees) = (rows(TABLES[0]), rows(TABLES[1]));
    assert!(promises.len() > 80 && guarantees.len() > 20, "{} and {}", promises.len(), guarantees.len());
    for [promise, kept_by, shown_by] in promises.iter().chain(&guarantees) {
        assert!(!promise.is_empty() && !kept_by.is_empty(), "{promise}: {kept_by}");
        assert!(quoted(shown_by).next().is_some(), "nothing shows: {promise}");
    }
}

#[test]
fn every_test_that_the_tables_name_exists() {
    for [promise, _, shown_by] in TABLES.into_iter().flat_map(rows) {
        let tests: Vec<_> = quoted(&shown_by).filter(|test| test.contains("::")).collect();
        assert!(!tests.is_empty(), "no test shows: {promise}");
        tests.iter().for_each(|test| assert!(exists(test), "{promise}: there is no {test}"));
    }
}

#[test]
fn what_the_table_says_keeps_a_promise_is_in_the_reference() {
    let reference = std::fs::read_to_string(root().join("docs/API.md")).unwrap();
    for [promise, kept_by, _] in rows(TABLES[0]) {
        let routes = quoted(&kept_by).filter(|kept| kept.contains(" /")).map(|kept| kept.split(" /").nth(1).unwrap());
        for route in routes {
            let path = format!("/{}", route.split(['?', ':']).next().unwrap().trim_end_matches('/'));
            assert!(reference.contains(&path), "{promise}: {path} is not in docs/API.md");
        }
    }
}
