//! Deviation network (DevNet): a small network that gives known anomalies scores far out in a normal distribution.
//!
//! # Idea
//! A network gives every row a number. It is taught to keep the numbers of ordinary rows near the mean of a standard
//! normal distribution, and to put those of known anomalies at least `margin` deviations above it. In each step as many
//! anomalies as other rows are shown, so that a handful of labels is heard.
//!
//! # Equations
//! - `phi(x) = u . max(0, W z + b) + c` with `z` the row in deviations of each column, `n_hidden` rows in `W`
//! - `dev(x) = (phi(x) - m) / v`, with `m` and `v` mean and deviation of 5000 draws from N(0, 1) (equations 3 and 6)
//! - `loss = mean [(1 - y) |dev(x)| + y max(0, margin - dev(x))] + l2 |W|^2`, `y` 1 for known anomalies (equation 7)
//! - each of `n_epochs x 20` steps draws 512 rows, half of them known anomalies, and descends by RMSprop
//! - `s(x) = dev(x)`
//!
//! # Score
//! Deviations above the mean of the prior: ordinary rows are near 0, known anomalies near `margin`.
//!
//! # Complexity
//! Fit O(n d + n_epochs d n_hidden), score O(d n_hidden) per row, memory O(d n_hidden).
//!
//! # Use when / Avoid when
//! Ten to some hundred known anomalies that are spread over kinds, many columns that each say a little, such as
//! embeddings. Avoid where anomalies stand out by single columns or by rules: `xgbod` finds those.
//!
//! # Differences
//! - Columns are centred and divided by their deviation; the authors scale to the range from 0 to 1, which one wild
//!   value squeezes. Beyond 10 deviations `z` grows with the logarithm, so that such a value does not drown a batch.
//! - The authors' network, steps, rates, `l2` and clipping of gradients (norm 1 for each array) are kept. PyOD's network
//!   has 1000 hidden units and shows rows as often as they occur.
//! - Training rows are ranked by networks that have not seen their labels (five folds of each kind).
//!
//! # References
//! Pang, Shen, van den Hengel 2019, Deep anomaly detection with deviation networks, KDD. doi:10.1145/3292500.3330871
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Label, Run};
//! use anomalyst_detect::DeviationNetwork;
//! let mut rows = Features::rows(ndarray::Array2::from_shape_fn((110, 2), |(i, j)| {
//!     if i < 100 { ((i * (7 + 6 * j)) % 10) as f32 } else { 20.0 }
//! }));
//! let label = |row| if row < 100 { Label::Unknown } else { Label::Anomalous };
//! rows.labels = Some((0..110).map(label).collect());
//! let run = Run::new(0);
//! let fitted = DeviationNetwork::default().fit_on(&rows, &run).unwrap();
//! let scores = fitted.score(&Features::rows(ndarray::array![[4.0_f32, 5.0], [19.0, 19.0]]), &run).unwrap();
//! assert!(scores[0] < 1.5 && scores[1] > 3.0);
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, Model,
    ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use ndarray::{Array1, Array2, ArrayView1};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::labelled::out_of_fold;
use network::{Network, Prior, STEPS_PER_EPOCH};

mod network;

/// Rows that are scored between two looks at whether the run is to stop.
const BLOCK: usize = 256;
/// From here on, in deviations, values grow with their logarithm.
const FAR: f64 = 10.0;
/// Time for one weight in one step of 512 rows, and for one weight per scored row, for estimates.
const NANOS: [f64; 2] = [1_500.0, 1.0];

/// The size of the network, and how it is taught.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeviationNetwork {
    /// Hidden units.
    #[schemars(range(min = 1, max = 1_000))]
    pub n_hidden: usize,
    /// Times 20 steps.
    #[schemars(range(min = 1, max = 1_000))]
    pub n_epochs: usize,
    /// How far a step goes.
    #[schemars(range(min = 1e-6, max = 1.0))]
    pub learning_rate: f64,
    /// Deviations above the prior's mean that known anomalies are to have at least.
    #[schemars(range(min = 0.1, max = 100.0))]
    pub margin: f64,
    /// Keeps the weights of hidden units small.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub l2: f64,
}

/// The network, and the scale of what goes in and comes out.
pub struct DeviationNetworkModel {
    scale: Scale,
    network: Network,
    prior: Prior,
}

/// Centre and deviation of each column.
struct Scale {
    center: Vec<f64>,
    spread: Vec<f64>,
}

impl Default for DeviationNetwork {
    /// The authors' defaults.
    fn default() -> Self {
        Self { n_hidden: 20, n_epochs: 50, learning_rate: 0.001, margin: 5.0, l2: 0.01 }
    }
}

impl Params for DeviationNetwork {}

impl Detector for DeviationNetwork {
    const CARD: Card = Card {
        id: "deviation_network",
        title: "Deviation network (DevNet)",
        summary: "Rows that a network, taught by a few known anomalies, puts far above the ordinary ones.",
        paper: "Pang, Shen, van den Hengel 2019, KDD. doi:10.1145/3292500.3330871",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnScale],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 2,
        control: false,
    };
    const LEARNS_FROM_LABELS: bool = true;
    type Model = DeviationNetworkModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<DeviationNetworkModel> {
        run.check()?;
        let values = &train.features().values;
        let scale = Scale::of(values);
        let prior = Prior::draw(&mut run.random(0));
        let (odd, others): (Vec<usize>, Vec<usize>) = {
            let is_odd = train.known_anomalous();
            (0..is_odd.len()).partition(|&row| is_odd[row])
        };
        let row = |row: usize| scale.apply(values.row(row));
        let mut random = run.random(1);
        let mut network = Network::new(values.ncols(), self.n_hidden, &mut random);
        let stage = run.stage("teaching the network", (self.n_epochs * STEPS_PER_EPOCH) as u64);
        let mut slopes = network.zeros();
        for _ in 0..self.n_epochs * STEPS_PER_EPOCH {
            run.check()?;
            let (rows, is_odd) = network::batch([&others, &odd], values.ncols(), row, &mut random);
            let gradient = network.gradient(&rows, &is_odd, prior, (self.margin, self.l2));
            network.step(gradient, &mut slopes, self.learning_rate);
            stage.advance(1);
        }
        Ok(DeviationNetworkModel { scale, network: network.rounded(), prior })
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(DeviationNetworkModel, Vec<f32>)> {
        let model = self.fit(train, run)?;
        let scores = match out_of_fold(self, train.features(), run)? {
            Some(scores) => scores,
            None => model.score(train, run)?,
        };
        Ok((model, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let n_weights = (self.n_hidden * (shape.n_values + 2)) as f64;
        let n_steps = (self.n_epochs * STEPS_PER_EPOCH) as f64;
        Estimate {
            bytes: (8 * (3 * self.n_hidden + 1_024) * (shape.n_values + self.n_hidden)) as u64,
            // The fit, and those of the five folds.
            fit_nanos: 6.0 * (NANOS[0] * n_weights * n_steps + 4.0 * (shape.n_parts * shape.n_values) as f64),
            score_nanos_per_row: NANOS[1] * n_weights,
        }
    }
}

impl Scale {
    /// Mean and deviation; of constant columns the deviation is taken for 1.
    fn of(values: &Array2<f32>) -> Self {
        let n = values.nrows() as f64;
        let moments = |column: ArrayView1<'_, f32>| {
            let center = column.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
            let variance = column.iter().map(|&v| (f64::from(v) - center).powi(2)).sum::<f64>() / n;
            let spread = variance.sqrt();
            (center, if spread > 1e-12 * center.abs() && spread > 1e-30 { spread } else { 1.0 })
        };
        let (center, spread) = values.columns().into_iter().map(moments).unzip();
        Self { center, spread }
    }

    fn apply(&self, row: ArrayView1<'_, f32>) -> Array1<f64> {
        let cell = |((&v, center), spread): ((&f32, &f64), &f64)| {
            let z = (f64::from(v) - center) / spread;
            if z.abs() > FAR { z.signum() * (FAR + (z.abs() / FAR).ln()) } else { z }
        };
        row.iter().zip(&self.center).zip(&self.spread).map(cell).collect()
    }
}

impl Model for DeviationNetworkModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let values = &rows.features().values;
        let stage = run.stage("asking the network", values.nrows() as u64);
        let mut scores = vec![0.0; values.nrows()];
        scores.par_chunks_mut(BLOCK).enumerate().try_for_each(|(block, scores)| {
            run.check()?;
            for (i, score) in scores.iter_mut().enumerate() {
                let row = self.scale.apply(values.row(block * BLOCK + i));
                let deviation = self.prior.deviation(self.network.output(&row));
                *score = deviation.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
            }
            stage.advance(scores.len() as u64);
            Ok(())
        })?;
        Ok(scores)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_list("center", &self.scale.center);
        out.put_list("spread", &self.scale.spread);
        out.put_list("prior", &[self.prior.mean, self.prior.spread]);
        self.network.save(out);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let center: Vec<f64> = from.list_of("center", shape.n_values)?;
        let spread: Vec<f64> = from.list_of("spread", shape.n_values)?;
        let prior: Vec<f64> = from.list_of("prior", 2)?;
        let is_spread = |v: f64| (1e-30..1e39).contains(&v);
        // Values are below 4e38, so that nothing within these bounds overflows on its way through the network.
        if !center.iter().chain(&prior[..1]).all(|v| v.abs() < 1e39)
            || !spread.iter().chain(&prior[1..]).all(|&v| is_spread(v))
        {
            return Err(Error::model("the scale of a column or of the prior is out of range"));
        }
        let prior = Prior { mean: prior[0], spread: prior[1] };
        Ok(Self { scale: Scale { center, spread }, network: Network::load(from, shape.n_values)?, prior })
    }
}

#[cfg(test)]
mod tests;
