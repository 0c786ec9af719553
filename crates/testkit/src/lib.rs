//! What tests share: planted data, and the checks that every registered method must pass.
//!
//! The conformance suite runs over a registry without opt-in: a method that is in the list is tested. Each check
//! is a function over one [`Entry`](anomalyst_core::Entry); `tests/conformance.rs` of a crate makes each a test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "only tests use this crate, and there a panic is the message"
)]

pub mod checks;
mod planted;

pub use planted::{Planted, normal_rows, planted};

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
