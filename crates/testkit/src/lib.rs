//! What tests share: planted data, and the checks that every registered method must pass.
//!
//! The conformance suite runs over a registry without opt-in: a method that is in the list is tested. Each check
//! is a function over one [`Entry`]; `tests/conformance.rs` of a crate makes each a test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "only tests use this crate, and there a panic is the message"
)]

pub mod checks;
mod planted;

pub use planted::{Planted, far, normal_rows, planted};

use anomalyst_core::Entry;

/// Runs `check` over every method and fails with all that did not pass, by name.
pub fn for_all(methods: &[Entry], check: impl Fn(&Entry)) {
    let failures: Vec<String> = methods
        .iter()
        .filter_map(|entry| {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(entry)));
            outcome.err().map(|panic| {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panicked");
                format!("{}: {text}", entry.card.id)
            })
        })
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// Runs the named tests of the calling test program once more, each in a process of its own whose output is not
/// captured, and fails if anything but the test harness wrote to either stream.
pub fn assert_silent(tests: &[&str]) {
    let program = std::env::current_exe().unwrap();
    for test in tests {
        let run = ["--exact", test, "--nocapture", "--test-threads=1", "--color=never"];
        let output = std::process::Command::new(&program).args(run).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let passed = format!("test {test} ... ok");
        let of_harness = |line: &&str| line.is_empty() || *line == "running 1 test" || *line == passed;
        let rest: Vec<&str> = text.lines().filter(|line| !of_harness(line)).collect();
        assert!(
            output.status.success()
                && matches!(rest[..], [last] if last.starts_with("test result: ok. 1 passed;")),
            "{test} wrote:\n{text}"
        );
        assert!(output.stderr.is_empty(), "{test} wrote:\n{}", String::from_utf8_lossy(&output.stderr));
    }
}
