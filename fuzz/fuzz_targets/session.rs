//! Any frames into the sessions of an engine; the script is told in `script.rs`, which a test on stable plays as well.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../chat-core/tests/engine/script.rs"]
mod script;

fuzz_target!(|script: &[u8]| script::play(script));
