//! Every registered method passes every check; there is nothing to opt into.

use anomalyst_temporal::METHODS;
use anomalyst_testkit::{assert_silent, checks, for_all};

macro_rules! conformance {
    ($($check:ident),* $(,)?) => { $( #[test] fn $check() { for_all(METHODS, checks::$check); } )* };
}

conformance!(
    card_is_complete,
    parameters_round_trip,
    bad_parameters_are_refused,
    scores_are_finite,
    threads_change_nothing,
    series_do_not_touch,
    short_series_have_an_answer,
    a_break_stands_out,
    invariances_hold,
    save_and_load,
    hostile_models_are_harmless,
    degenerate_data_has_an_answer,
    gaps_and_codes_as_the_card_says,
    other_widths_are_refused,
    cancelling_stops,
    estimates_grow,
    time_grows_as_the_card_says,
);

#[test]
fn the_registry_is_sorted_and_without_doubles() {
    let ids: Vec<&str> = METHODS.iter().map(|entry| entry.card.id).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

/// Fits with every setting and degenerate data write nothing.
#[test]
fn nothing_is_printed() {
    assert_silent(&["save_and_load", "degenerate_data_has_an_answer"]);
}
