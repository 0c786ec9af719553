//! Every registered method passes every check; there is nothing to opt into.

use anomalyst_detect::METHODS;
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
    batches_change_nothing,
    invariances_hold,
    save_and_load,
    hostile_models_are_harmless,
    degenerate_data_has_an_answer,
    planted_outlier_ranks_first,
    a_wild_value_raises_the_score,
    equal_rows_score_equally,
    gaps_and_codes_as_the_card_says,
    other_widths_are_refused,
    labels_are_asked_for,
    cancelling_stops,
    attribution_names_the_column,
    estimates_grow,
    time_grows_as_the_card_says,
);

#[test]
fn the_registry_is_sorted_and_without_doubles() {
    let ids: Vec<&str> = METHODS.iter().map(|entry| entry.card.id).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

/// Fits with every setting, attributions and degenerate data write nothing.
#[test]
fn nothing_is_printed() {
    assert_silent(&["save_and_load", "attribution_names_the_column", "degenerate_data_has_an_answer"]);
}
