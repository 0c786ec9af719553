//! Whether a table is in order: the test of `anomalyst-drift` on encoded rows, all columns together and each alone.

use anomalyst_core::{ColumnData, ColumnKind, Dataset, Error, Handles, Notices, Result, Run, Table, Wants};
pub use anomalyst_drift::{Break, Order, OrderTest};
use anomalyst_report::{Block, Document, Grid, Section};
use ndarray::{Array2, Axis};
use serde::Serialize;

use crate::options::Input;
use crate::registry;

/// Rows that a column by itself is tested on; fewer than of all together, since there are many columns.
const COLUMN_ROWS: usize = 5_000;

/// How to test.
#[derive(Clone, Copy, Debug)]
pub struct OrderOptions {
    /// The test.
    pub test: OrderTest,
    /// P-values below this mean that the order matters.
    pub alpha: f64,
    /// Whether handled data is an error.
    pub strict: bool,
}

impl Default for OrderOptions {
    fn default() -> Self {
        Self { test: OrderTest::default(), alpha: 0.05, strict: false }
    }
}

/// What is known of the order of a table's rows.
#[derive(Clone, Debug, Serialize)]
pub struct OrderOutcome {
    /// Rows of the table.
    pub n_rows: usize,
    /// Whether the p-value is below `alpha`.
    pub in_order: bool,
    /// The significance level asked for.
    pub alpha: f64,
    /// Permutations that the p-values come from.
    pub n_permutations: usize,
    /// All columns together, and a score per row.
    #[serde(flatten)]
    pub order: Order,
    /// Each column by itself, the clearest first.
    pub columns: Vec<ColumnOrder>,
    /// What was left out or repaired.
    pub notices: Notices,
    /// What the user calls each row; numbers from 1 where absent.
    #[serde(skip)]
    pub ids: Option<Vec<String>>,
}

/// What is known of one column.
#[derive(Clone, Debug, Serialize)]
pub struct ColumnOrder {
    /// Its name.
    pub column: String,
    /// P-value by itself, and that after Holm's correction for looking at all columns.
    pub p_value: f64,
    /// See `p_value`.
    pub adjusted_p_value: f64,
    /// Median distance in rows to rows of the nearest values.
    pub neighbor_distance: f64,
}

/// Tests whether rows near each other in `input` are more alike than others.
pub fn check_order(input: Input, options: &OrderOptions, run: &Run) -> Result<OrderOutcome> {
    if !(options.alpha > 0.0 && options.alpha < 1.0) {
        let want = "above 0 and below 1".into();
        return Err(Error::BadParameter { name: "alpha".into(), got: options.alpha.to_string(), want });
    }
    let Input { mut table, mut notices, .. } = input;
    leave_out_clocks(&mut table, &mut notices);
    let (n_rows, ids) = (table.n_rows, table.ids.clone());
    let encoder = (registry::encoder("table")?.from_json)(&serde_json::Value::Null)?;
    let wants = Wants { missing: Handles::Refuses, codes: Handles::Refuses };
    let data = Dataset::Table(table);
    let (encoder, noticed) = encoder.fit(&data, wants, run)?;
    notices.extend(noticed);
    let values = encoder.encode(&data, run)?.features.values;
    if options.strict {
        notices.refuse_handled()?;
    }
    let order = options.test.test(values.view(), run)?;
    if order.n_rows_tested < n_rows {
        let n = order.n_rows_tested;
        notices.info(None, format!("{n} evenly spaced rows of {n_rows} were tested"));
    }
    let names: Vec<&str> = encoder.value_origins().iter().map(|origin| &*origin.column).collect();
    let columns = each_column(&values, &names, &options.test, run)?;
    Ok(OrderOutcome {
        n_rows,
        in_order: order.p_value < options.alpha,
        alpha: options.alpha,
        n_permutations: options.test.n_permutations,
        order,
        columns,
        notices,
        ids,
    })
}

/// Times and row counters are in order by definition and would say nothing of the rest.
fn leave_out_clocks(table: &mut Table, notices: &mut Notices) {
    for column in &mut table.columns {
        let counts = |cells: &[f64]| {
            let step = cells.get(1).zip(cells.first()).map_or(0.0, |(b, a)| b - a);
            step != 0.0 && cells.windows(2).all(|pair| pair[1] - pair[0] == step)
        };
        let why = match &column.data {
            ColumnData::Times(_) => "left out, since times order the rows",
            ColumnData::Numbers(cells) if counts(cells) => "left out, since it counts the rows",
            _ => continue,
        };
        notices.info(Some(&column.name), why);
        (column.data, column.kind) = (ColumnData::Omitted, ColumnKind::Identifier);
    }
}

fn each_column(
    values: &Array2<f32>,
    names: &[&str],
    test: &OrderTest,
    run: &Run,
) -> Result<Vec<ColumnOrder>> {
    let test = OrderTest { max_rows: test.max_rows.min(COLUMN_ROWS), ..*test };
    let mut columns: Vec<ColumnOrder> = Vec::new();
    for features in (0..names.len()).collect::<Vec<_>>().chunk_by(|&a, &b| names[a] == names[b]) {
        let own = values.select(Axis(1), features);
        let Order { p_value, neighbor_distance, .. } =
            test.test(own.view(), &run.child(features[0] as u64))?;
        let column = names[features[0]].to_owned();
        columns.push(ColumnOrder { column, p_value, adjusted_p_value: p_value, neighbor_distance });
    }
    columns.sort_by(|a, b| {
        a.p_value.total_cmp(&b.p_value).then(a.neighbor_distance.total_cmp(&b.neighbor_distance))
    });
    let (n, mut most) = (columns.len(), 0.0_f64);
    for (rank, column) in columns.iter_mut().enumerate() {
        most = most.max(column.p_value * (n - rank) as f64).min(1.0);
        column.adjusted_p_value = most;
    }
    Ok(columns)
}

impl OrderOutcome {
    /// The outcome for a person; at most `n_columns` columns are listed.
    pub fn document(&self, title: &str, n_columns: usize) -> Document {
        let Order { p_value, neighbor_distance, expected_distance, sharpest_break, .. } = &self.order;
        let p = p_text(*p_value, self.n_permutations);
        let lead = if self.in_order {
            format!(
                "The rows are in order ({p}): rows near each other are more alike than others. The data drifts, jumps \
                 or remembers; a random split or sample would mislead."
            )
        } else {
            format!("No order was found ({p}): rows near each other are no more alike than others.")
        };
        let mut what = vec![Block::Text(format!(
            "The rows most like a row are typically {} rows away; in random order it would be {}.",
            distance_text(*neighbor_distance),
            distance_text(*expected_distance)
        ))];
        if self.in_order {
            what.push(Block::Text(format!(
                "Likeness breaks off most between rows {} and {}: {:.0} % of the expected neighbours reach across.",
                sharpest_break.n_before,
                sharpest_break.n_before + 1,
                100.0 * sharpest_break.crossing
            )));
        }
        what.extend(self.notices.0.iter().map(|notice| {
            let column = notice.column.as_ref().map(|column| format!("{column}: ")).unwrap_or_default();
            Block::Text(format!("Note: {column}{}", notice.message))
        }));
        let head = |text: &str, is_number: bool| (text.to_owned(), is_number);
        let row = |column: &ColumnOrder| {
            vec![
                column.column.clone(),
                p_text(column.adjusted_p_value, self.n_permutations),
                distance_text(column.neighbor_distance),
            ]
        };
        let grid = Grid {
            columns: vec![
                head("column", false),
                head("p, corrected for all columns", true),
                head("typical distance", true),
            ],
            rows: self.columns.iter().take(n_columns).map(row).collect(),
        };
        let mut each = vec![Block::Grid(grid)];
        if let Some(more @ 1..) = self.columns.len().checked_sub(n_columns) {
            each.push(Block::Text(format!("... and {more} more columns")));
        }
        Document {
            title: title.to_owned(),
            lead,
            sections: vec![
                Section { title: String::new(), blocks: what },
                Section { title: "Each column by itself".into(), blocks: each },
            ],
        }
    }
}

fn p_text(p: f64, n_permutations: usize) -> String {
    // The least that the permutations can tell is a bound, not a value.
    let least = 1.0 / (n_permutations + 1) as f64;
    if p <= least { format!("p <= {least}") } else { format!("p = {p:.3}") }
}

fn distance_text(rows: f64) -> String {
    format!("{rows:.0}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_data::{ReadOptions, open_bytes};

    fn check(row: impl Fn(usize) -> String) -> OrderOutcome {
        let text = String::from("n,at,drifting,steady,colour\n") + &(0..300).map(row).collect::<String>();
        let run = Run::new(0);
        let source = open_bytes("table", text.into_bytes(), &ReadOptions::default(), &run).unwrap();
        check_order(crate::read(&source, &run).unwrap(), &OrderOptions::default(), &run).unwrap()
    }

    /// A multiple of an irrational number whose square is taken: no order that neighbours could see.
    fn noise(i: usize, a: f64) -> f64 {
        ((i * i) as f64 * a).fract()
    }

    fn line(i: usize, slope: f64) -> String {
        let at = format!("2024-01-{:02}T{:02}:{:02}:00Z", 1 + i / 24 % 28, i % 24, i % 60);
        let colour = ["red", "green", "blue"][(3.0 * noise(i, 0.236_068)) as usize % 3];
        let drifting = noise(i, 0.618_034) + slope * i as f64 / 300.0;
        format!("{i},{at},{drifting:.4},{:.4},{colour}\n", noise(i, 0.414_214))
    }

    #[test]
    fn drift_is_found_in_its_column_and_clocks_are_left_out() {
        let outcome = check(|i| line(i, 1.0));
        assert!(outcome.in_order && outcome.order.p_value < 0.05);
        assert_eq!(outcome.columns[0].column, "drifting");
        assert!(outcome.columns[0].adjusted_p_value < 0.05 && outcome.columns[1].adjusted_p_value > 0.05);
        assert_eq!(outcome.order.scores.len(), 300);
        let left_out: Vec<_> = outcome.notices.0.iter().filter_map(|n| n.column.as_deref()).collect();
        assert!(left_out.contains(&"n") && left_out.contains(&"at"), "{:?}", outcome.notices);
        let page = outcome.document("t", 1);
        assert!(page.lead.contains("are in order"), "{page:?}");
    }

    #[test]
    fn rows_in_no_order_are_called_so() {
        let outcome = check(|i| line(i, 0.0));
        assert!(!outcome.in_order, "p = {}", outcome.order.p_value);
        assert!(outcome.document("t", 9).lead.starts_with("No order"));
    }

    #[test]
    fn least_p_values_are_bounds() {
        assert_eq!(p_text(0.001, 999), "p <= 0.001");
        assert_eq!(p_text(0.05, 19), "p <= 0.05");
        assert_eq!(p_text(0.25, 999), "p = 0.250");
    }
}
