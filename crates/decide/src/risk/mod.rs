//! Cards of whole points: add up the points that apply, and read off the risk or the verdict.
//!
//! # Idea
//! A card gives a few statements about a row ("age >= 60", "color = red") small whole numbers of points. It can be used
//! without a computer and disputed line by line. Rounding a logistic model to whole points can lose much of it; here
//! the best whole points are searched for, and the card says how far from the best possible it can be at most.
//!
//! # Equations
//! Rows `x` of 0 and 1 per indicator, labels `y` of 1 and -1, whole points `w` within limits, at most `k` not 0.
//! - RiskSLIM: least `(1/n) sum ln(1 + exp(-y (w x + w_0))) + c_0 |w|_0`; the risk is `1 / (1 + exp(-(w x + w_0)))`, so a
//!   point is one unit of log odds.
//! - SLIM: least `(1/n) sum [verdict is wrong] + c_0 |w|_0 + e |w|_1`; flagged is what has `w x >= t`. `e` is too small to
//!   decide anything but ties, and leaves points without a common divisor.
//! - Gap: `(objective - bound) / objective`, where no card within the limits has an objective below the bound.
//!
//! # Method
//! Numbers become indicators at quantiles, categories one per level. Forward selection keeps at most
//! `max_indicators` of them. The search goes best-first over sets of features. What bounds a node: for
//! RiskSLIM the convex relaxation and the tangent planes of its loss, for SLIM the rows that no classifier on these
//! indicators tells apart. Each set is then solved by branch and bound over its whole points, on at most `2^k` distinct rows.
//!
//! # Complexity
//! Exponential in the worst case, which the time limit ends; the gap is then what is left. At most `C(m, k)` sets of
//! `m` indicators, O(rows that differ + 2^k k^2) each.
//!
//! # Use when / Avoid when
//! A few thousand labelled rows, and people who must follow or apply the model. Not where accuracy alone counts, nor
//! with so few anomalous rows (below about 20) that any card fits them by chance: look at the cross-validated numbers.
//!
//! # Differences
//! - The papers solve a mixed-integer program by a commercial solver, with cutting planes for the loss. Here features are
//!   0 or 1, so that rows collapse to few cells and sets of features can be solved one by one: the same optimum.
//! - The certificate is for the indicators kept; [`Certificate`] says of how many.
//! - SLIM counts a row on the threshold as an error whatever its label; here it is flagged. With a whole intercept that
//!   is the same class of rules, half a point apart.
//!
//! # References
//! Ustun, Rudin 2019, Learning Optimized Risk Scores, JMLR 20(150). Ustun, Rudin 2016, Supersparse Linear Integer Models,
//! Machine Learning 102. doi:10.1007/s10994-015-5528-6
//!
//! # Example
//! ```
//! use anomalyst_core::{Column, ColumnData, ColumnKind, Run, Table};
//! use anomalyst_decide::risk::RiskScore;
//! let cells: Vec<f64> = (0..40).map(f64::from).collect();
//! let anomalous: Vec<bool> = (0..40).map(|i| i >= 30).collect();
//! let column = Column { name: "age".into(), kind: ColumnKind::Number, data: ColumnData::Numbers(cells) };
//! let table = Table::new(vec![column]).unwrap();
//! let (card, _) = RiskScore { n_thresholds: 3, ..RiskScore::default() }.fit(&table, &anomalous, &Run::new(0)).unwrap();
//! assert_eq!(card.items[0].indicator.to_string(), "age >= 30");
//! assert_eq!((card.items[0].points, card.certificate.gap), (5, 0.0));
//! ```

mod cells;
mod indicators;
mod integer;
mod lattice;
mod relax;
mod screen;
mod search;
mod slim;
#[cfg(test)]
mod tests;

use std::time::Duration;

use anomalyst_core::{Error, Notices, Result, Run, Table, nearest_name};
use anomalyst_kernels::logistic::sigmoid;
use serde::{Deserialize, Serialize};

use cells::Cells;
pub use indicators::{Indicator, Test};
use search::{Objective, Searched, search};

/// Largest number of features on a card: `2^10` distinct rows are still solved exactly.
const MAX_FEATURES: usize = 10;
/// Largest size of a point: more is no card for people.
const MAX_POINTS: i32 = 100;
/// Bytes that the indicators of all columns may take before the search.
const MAX_BYTES: u64 = 2_000_000_000;

/// What a card is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A risk for every total (RiskSLIM).
    #[default]
    Risk,
    /// A verdict by a threshold on the total (SLIM).
    Verdict,
}

/// Which sign the points of a column may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// Points from 0 on.
    Positive,
    /// Points up to 0.
    Negative,
}

/// The limits of a card, and of the work on it.
#[derive(Clone, Debug)]
pub struct RiskScore {
    /// What it minimises.
    pub kind: Kind,
    /// Most features with points; 1 to 10.
    pub max_features: usize,
    /// Least and most points of a feature; 0 lies between.
    pub points: [i32; 2],
    /// Largest size of the intercept.
    pub max_offset: i32,
    /// Signs that columns must keep.
    pub signs: Vec<(String, Sign)>,
    /// Cuts per number column; 9 are deciles.
    pub n_thresholds: usize,
    /// Indicators that the search gets; 1 to 64.
    pub max_indicators: usize,
    /// What a feature costs in units of the loss. By default so little that it decides only between equals: 1e-6
    /// for a risk, less than one row's verdict for all features together for a verdict.
    pub price: Option<f64>,
    /// When the search ends although the best card is not proven.
    pub time_limit: Duration,
}

impl Default for RiskScore {
    fn default() -> Self {
        Self {
            kind: Kind::Risk,
            max_features: 5,
            points: [-5, 5],
            max_offset: 50,
            signs: Vec::new(),
            n_thresholds: 9,
            max_indicators: 32,
            price: None,
            time_limit: Duration::from_secs(60),
        }
    }
}

/// Points for statements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskCard {
    /// What it is for.
    pub kind: Kind,
    /// The statements, most points first.
    pub items: Vec<CardItem>,
    /// Added to the total: risks are `1 / (1 + exp(-(total + offset)))`, flagged is what has `total + offset >= 0`.
    pub offset: i32,
    /// Every total that occurs, ascending.
    pub totals: Vec<CardTotal>,
    /// How good it is.
    pub certificate: Certificate,
}

/// A line of a card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CardItem {
    /// The statement.
    pub indicator: Indicator,
    /// Its points.
    pub points: i32,
}

/// What a total means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CardTotal {
    /// The sum of points.
    pub total: i32,
    /// Its risk by the card; absent on cards for verdicts.
    pub risk: Option<f64>,
    /// Whether the card flags it: a risk of at least a half, or a total at or above the threshold.
    pub flagged: bool,
    /// Training rows with it.
    pub n_rows: usize,
    /// Anomalous ones of them.
    pub n_anomalous: usize,
}

/// How far a card can be from the best possible.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// The card's objective on the training rows.
    pub objective: f64,
    /// No card within the limits, on the indicators searched, is below this.
    pub lower_bound: f64,
    /// `(objective - lower_bound) / objective`.
    pub gap: f64,
    /// Indicators that were searched.
    pub n_searched: usize,
    /// Indicators that the columns gave.
    pub n_indicators: usize,
    /// Sets of features that were bounded or solved.
    pub n_sets: u64,
    /// What ended the search before the best was proven.
    pub stopped: Option<String>,
}

impl RiskScore {
    /// The best card that the limits and the time allow; `anomalous` holds one label per row.
    pub fn fit(&self, table: &Table, anomalous: &[bool], run: &Run) -> Result<(RiskCard, Notices)> {
        self.check(table, anomalous)?;
        let mut notices = Notices::default();
        let found = indicators::indicators(table, self.n_thresholds, &mut notices);
        let need = found.len() as u64 * (table.n_rows as u64 / 8 + 64);
        let most = run.max_memory_bytes().unwrap_or(MAX_BYTES).min(MAX_BYTES);
        if need > most {
            return Err(Error::Budget {
                what: format!("{} indicators of {} rows", found.len(), table.n_rows),
                need: format!("{} MB", need / 1_000_000),
                limit: format!("{} MB", most / 1_000_000),
                hint: "leave out columns, or take fewer thresholds".into(),
            });
        }
        let packed: Vec<screen::RowBits> = found.iter().map(|i| screen::pack(&i.holds(table))).collect();
        let chosen = screen::screen(&packed, anomalous, self.max_indicators, run)?;
        let pattern = |row: usize| {
            let bit = |(j, at): (usize, &usize)| u64::from(screen::holds(&packed[*at], row)) << j;
            (chosen.iter().enumerate().map(bit).fold(0, |a, b| a | b), anomalous[row])
        };
        let cells = Cells::count((0..table.n_rows).map(pattern), chosen.len());
        let kept: Vec<&Indicator> = chosen.iter().map(|at| &found[*at]).collect();
        let searched = self.search(&cells, &kept, run)?;
        let mut card = self.card(&searched, &kept, found.len());
        card.totals = card.count(table, anomalous);
        Ok((card, notices))
    }

    fn search(&self, cells: &Cells, kept: &[&Indicator], run: &Run) -> Result<Searched> {
        let limit = |side: usize, column: &str| {
            let sign = self.signs.iter().find(|(name, _)| name == column).map(|(_, sign)| *sign);
            match (sign, side) {
                (Some(Sign::Positive), 0) | (Some(Sign::Negative), 1) => 0,
                _ => self.points[side],
            }
        };
        let limits = |side: usize| kept.iter().map(|i| limit(side, &i.column)).collect::<Vec<i32>>();
        let (mut low, mut high) = (limits(0), limits(1));
        let k = self.max_features;
        let objective: Box<dyn Objective> = match self.kind {
            Kind::Risk => {
                low.push(-self.max_offset);
                high.push(self.max_offset);
                Box::new(lattice::Lattice::new(cells.clone(), low, high, self.price.unwrap_or(1e-6)))
            }
            Kind::Verdict => {
                let least = 0.9 / (cells.total * k as f64);
                Box::new(slim::Slim::new(cells.clone(), low, high, self.price.unwrap_or(least), k))
            }
        };
        let time = run.time_left().map_or(self.time_limit, |left| left.mul_f64(0.9).min(self.time_limit));
        let _stage = run.stage("searching for the best card", 0);
        search(objective.as_ref(), k, run, &run.clone().with_max_time(time))
    }

    fn card(&self, searched: &Searched, kept: &[&Indicator], n_indicators: usize) -> RiskCard {
        let best = &searched.best;
        let (mut points, mut offset) = (best.points.clone(), best.offset);
        let divisor = points.iter().fold(0, |a, b| divisor(a, *b));
        if self.kind == Kind::Verdict && divisor > 1 {
            // `w x >= t` for whole sums of multiples of d is `(w / d) x >= t / d`, rounded up.
            points.iter_mut().for_each(|p| *p /= divisor);
            offset = offset.div_euclid(divisor);
        }
        let mut items: Vec<CardItem> = cells::bits(best.set)
            .zip(points)
            .filter(|(_, points)| *points != 0)
            .map(|(bit, points)| CardItem { indicator: kept[bit].clone(), points })
            .collect();
        items.sort_by_key(|item| std::cmp::Reverse(item.points));
        let gap = ((best.objective - searched.lower) / best.objective.max(1e-300)).max(0.0);
        let certificate = Certificate {
            objective: best.objective,
            lower_bound: searched.lower,
            gap,
            n_searched: kept.len(),
            n_indicators,
            n_sets: searched.n_sets,
            stopped: searched.stopped.map(str::to_owned),
        };
        RiskCard { kind: self.kind, items, offset, totals: Vec::new(), certificate }
    }

    fn check(&self, table: &Table, anomalous: &[bool]) -> Result<()> {
        let within = |name: &str, got: String, want: &str, fits: bool| {
            if fits { Ok(()) } else { Err(Error::BadParameter { name: name.into(), got, want: want.into() }) }
        };
        let [low, high] = self.points;
        let (k, m, t) = (self.max_features, self.max_indicators, self.n_thresholds);
        within("max-features", k.to_string(), "from 1 to 10", (1..=MAX_FEATURES).contains(&k))?;
        within("max-indicators", m.to_string(), "from 1 to 64", (1..=cells::MAX_INDICATORS).contains(&m))?;
        within("thresholds", t.to_string(), "from 1 to 100", (1..=100).contains(&t))?;
        let fits = low <= 0 && high >= 0 && low < high && -low <= MAX_POINTS && high <= MAX_POINTS;
        within("points", format!("{low}..{high}"), "a range around 0 within -100..100", fits)?;
        let fits = (0..=10 * MAX_POINTS).contains(&self.max_offset);
        within("max-offset", self.max_offset.to_string(), "from 0 to 1000", fits)?;
        if let Some(price) = self.price {
            within("price", price.to_string(), "from 0 to 1", (0.0..=1.0).contains(&price))?;
        }
        for (column, _) in &self.signs {
            if table.column(column).is_none() {
                let names = table.columns.iter().map(|c| c.name.as_str());
                let nearest = nearest_name(column, names).map(str::to_owned);
                return Err(Error::Unknown { what: "column", id: column.clone(), nearest });
            }
        }
        if anomalous.len() != table.n_rows {
            return Err(Error::Data(format!("{} labels for {} rows", anomalous.len(), table.n_rows)));
        }
        let n = anomalous.iter().filter(|a| **a).count();
        if n == 0 || n == anomalous.len() {
            return Err(Error::Data(format!(
                "a card needs rows of both labels, but {n} of {} rows are anomalous",
                anomalous.len()
            )));
        }
        Ok(())
    }
}

impl RiskCard {
    /// The sum of points of every row.
    pub fn totals_of(&self, table: &Table) -> Vec<i32> {
        let mut totals = vec![0; table.n_rows];
        for item in &self.items {
            let holds = item.indicator.holds(table);
            totals.iter_mut().zip(holds).filter(|(_, h)| *h).for_each(|(total, _)| *total += item.points);
        }
        totals
    }

    /// The risk of a total, on a card for risks.
    pub fn risk(&self, total: i32) -> Option<f64> {
        (self.kind == Kind::Risk).then(|| sigmoid(f64::from(total + self.offset)))
    }

    /// Whether a row with this total is flagged: at a risk of a half, or at the threshold.
    pub const fn flags(&self, total: i32) -> bool {
        total + self.offset >= 0
    }

    /// Every total that occurs in `table`, ascending, with its labels.
    fn count(&self, table: &Table, anomalous: &[bool]) -> Vec<CardTotal> {
        let mut counts = std::collections::BTreeMap::<i32, (usize, usize)>::new();
        for (total, anomalous) in self.totals_of(table).into_iter().zip(anomalous) {
            let count = counts.entry(total).or_default();
            count.0 += 1;
            count.1 += usize::from(*anomalous);
        }
        let row = |(total, (n_rows, n_anomalous))| CardTotal {
            total,
            risk: self.risk(total),
            flagged: self.flags(total),
            n_rows,
            n_anomalous,
        };
        counts.into_iter().map(row).collect()
    }
}

/// The greatest common divisor.
const fn divisor(a: i32, b: i32) -> i32 {
    if b == 0 { a.abs() } else { divisor(b, a % b) }
}
