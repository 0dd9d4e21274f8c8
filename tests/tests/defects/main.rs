//! The conformance kit is tested: each deliberately broken storage must be caught by the check whose promise it breaks.
//!
//! The rule: a defect breaks one promise; its family's file lists it with what is wrong and the check that must notice. All
//! checks are run against each defect. The tables of who caught what are shown with `--nocapture`, and when one escapes.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod broken;
mod notes;
mod run;

use broken::{Case, Defect};
use chat_core::testing::CHECK_LASTS_MAX;
use run::catches;
use std::fmt::Write;
use std::time::Duration;

/// How long a check may take against a broken storage, which may be stuck.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes each family of defects a module and a test of its own.
macro_rules! families {
    ($($family:ident: $test:ident)+) => {
        $(mod $family;)+

        $(#[test]
        fn $test() {
            all_are_caught(stringify!($family), &$family::defects());
        })+
    };
}

families! {
    batches: defects_of_batches_are_caught
    blocks: defects_of_blocks_are_caught
    cancellation: defects_of_dropped_futures_are_caught
    codes: defects_of_codes_are_caught
    creation: defects_of_creation_are_caught
    deletion: defects_of_deletion_are_caught
    ids: defects_of_ids_are_caught
    logins: defects_of_logins_are_caught
    marks: defects_of_read_marks_are_caught
    nonces: defects_of_nonces_are_caught
    order: defects_of_the_order_are_caught
    pages: defects_of_pages_are_caught
    rights: defects_of_rights_are_caught
    users: defects_of_users_are_caught
}

#[test]
fn a_storage_without_a_defect_is_caught_by_nothing() {
    /// Nothing is wrong.
    #[derive(Default)]
    struct Nothing;

    impl Defect for Nothing {}

    let nothing = Case::of::<Nothing>("nothing is wrong", "");
    assert!(catches(&nothing, CHECK_LASTS_MAX).is_empty());
}

#[expect(clippy::print_stdout, reason = "the table is for whoever asks for it, and for whoever has to mend the kit")]
fn all_are_caught(family: &str, cases: &[Case]) {
    let (mut table, mut escaped) = (format!("\n{family}\n"), vec![]);
    for case in cases {
        let catches = catches(case, PATIENCE);
        writeln!(table, "  {}", case.wrong).unwrap();
        catches.iter().for_each(|catch| writeln!(table, "    {catch}").unwrap());
        if catches.iter().all(|catch| catch.check != case.promise) {
            escaped.push(format!("{}: not caught by {}", case.wrong, case.promise));
        }
    }
    println!("{table}");
    assert!(escaped.is_empty(), "{escaped:#?}");
}
