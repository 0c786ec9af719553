//! One hidden layer, its gradient under the deviation loss, and RMSprop.

use anomalyst_core::{Error, ModelReader, ModelWriter, Random, Result};
use anomalyst_kernels::distributions::normal_quantile;
use ndarray::{Array1, Array2, Axis, Zip};
use rand::RngExt;

/// Draws that stand for the prior (section 4.2 of the paper).
const PRIOR_DRAWS: usize = 5_000;
/// Rows of a step, and steps of an epoch (section 5.2).
const BATCH: usize = 512;
pub(super) const STEPS_PER_EPOCH: usize = 20;
/// Keras's constants of RMSprop, and the largest norm of an array's gradient in the authors' code.
const DECAY: f64 = 0.9;
const TINY: f64 = 1e-7;
const MOST_NORM: f64 = 1.0;

/// Mean and deviation of the draws from the prior.
#[derive(Clone, Copy)]
pub(super) struct Prior {
    pub(super) mean: f64,
    pub(super) spread: f64,
}

impl Prior {
    pub(super) fn draw(random: &mut Random) -> Self {
        let n = PRIOR_DRAWS as f64;
        let draws: Vec<f64> = (0..PRIOR_DRAWS)
            .map(|_| normal_quantile(random.random::<f64>().clamp(1e-12, 1.0 - 1e-12)))
            .collect();
        let mean = draws.iter().sum::<f64>() / n;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / n;
        Self { mean, spread: variance.sqrt() }
    }

    pub(super) fn deviation(self, output: f64) -> f64 {
        (output - self.mean) / self.spread
    }
}

/// Weights; also their gradients and whatever else there is one of for each.
#[derive(Clone)]
pub(super) struct Network {
    /// Columns x hidden units.
    pub(super) hidden: Array2<f64>,
    pub(super) hidden_bias: Array1<f64>,
    pub(super) out: Array1<f64>,
    pub(super) out_bias: Array1<f64>,
}

/// Rows drawn with replacement, every second one of `odd`, and which they are.
pub(super) fn batch(
    [others, odd]: [&[usize]; 2],
    width: usize,
    row: impl Fn(usize) -> Array1<f64>,
    random: &mut Random,
) -> (Array2<f64>, Vec<bool>) {
    let mut rows = Array2::zeros((BATCH, width));
    for (i, mut cells) in rows.rows_mut().into_iter().enumerate() {
        let from = if i % 2 == 0 { others } else { odd };
        cells.assign(&row(from[random.random_range(0..from.len())]));
    }
    (rows, (0..BATCH).map(|i| i % 2 == 1).collect())
}

impl Network {
    /// Glorot and Bengio's uniform weights, as Keras starts.
    pub(super) fn new(width: usize, n_hidden: usize, random: &mut Random) -> Self {
        let mut uniform = |fan: usize| (6.0 / fan as f64).sqrt() * (2.0 * random.random::<f64>() - 1.0);
        Self {
            hidden: Array2::from_shape_simple_fn((width, n_hidden), || uniform(width + n_hidden)),
            hidden_bias: Array1::zeros(n_hidden),
            out: Array1::from_shape_simple_fn(n_hidden, || uniform(n_hidden + 1)),
            out_bias: Array1::zeros(1),
        }
    }

    pub(super) fn zeros(&self) -> Self {
        Self {
            hidden: Array2::zeros(self.hidden.dim()),
            hidden_bias: Array1::zeros(self.hidden_bias.len()),
            out: Array1::zeros(self.out.len()),
            out_bias: Array1::zeros(1),
        }
    }

    /// What a row gives. Sums run in one order, whichever rows are asked about together.
    pub(super) fn output(&self, row: &Array1<f64>) -> f64 {
        let unit = |(j, (weights, bias)): (usize, (ndarray::ArrayView1<'_, f64>, &f64))| {
            let sum: f64 = weights.iter().zip(row).map(|(w, v)| w * v).sum::<f64>() + bias;
            sum.max(0.0) * self.out[j]
        };
        let units = self.hidden.axis_iter(Axis(1)).zip(&self.hidden_bias).enumerate();
        units.map(unit).sum::<f64>() + self.out_bias[0]
    }

    /// The slope of the mean loss over `rows`.
    pub(super) fn gradient(
        &self,
        rows: &Array2<f64>,
        is_odd: &[bool],
        prior: Prior,
        (margin, l2): (f64, f64),
    ) -> Self {
        let active = (rows.dot(&self.hidden) + &self.hidden_bias).mapv(|v| v.max(0.0));
        let outputs = active.dot(&self.out) + self.out_bias[0];
        let share = 1.0 / (rows.nrows() as f64 * prior.spread);
        let slope = |(&output, &odd): (&f64, &bool)| match (prior.deviation(output), odd) {
            (deviation, true) => {
                if deviation < margin {
                    -share
                } else {
                    0.0
                }
            }
            (deviation, false) => share * if deviation == 0.0 { 0.0 } else { deviation.signum() },
        };
        let slopes: Array1<f64> = outputs.iter().zip(is_odd).map(slope).collect();
        let mut of_hidden = active.clone();
        for (mut units, &slope) in of_hidden.rows_mut().into_iter().zip(&slopes) {
            Zip::from(&mut units)
                .and(&self.out)
                .for_each(|unit, out| *unit = if *unit > 0.0 { slope * out } else { 0.0 });
        }
        Self {
            hidden: rows.t().dot(&of_hidden) + &(&self.hidden * (2.0 * l2)),
            hidden_bias: of_hidden.sum_axis(Axis(0)),
            out: active.t().dot(&slopes),
            out_bias: Array1::from_elem(1, slopes.sum()),
        }
    }

    /// One step of RMSprop; `squares` are the running means of squared slopes.
    pub(super) fn step(&mut self, gradient: Self, squares: &mut Self, learning_rate: f64) {
        descend(self.hidden.iter_mut(), gradient.hidden.iter(), squares.hidden.iter_mut(), learning_rate);
        descend(
            self.hidden_bias.iter_mut(),
            gradient.hidden_bias.iter(),
            squares.hidden_bias.iter_mut(),
            learning_rate,
        );
        descend(self.out.iter_mut(), gradient.out.iter(), squares.out.iter_mut(), learning_rate);
        descend(
            self.out_bias.iter_mut(),
            gradient.out_bias.iter(),
            squares.out_bias.iter_mut(),
            learning_rate,
        );
    }

    /// With weights as a file keeps them.
    pub(super) fn rounded(mut self) -> Self {
        let round = |v: &mut f64| *v = f64::from(*v as f32);
        self.hidden.iter_mut().for_each(round);
        for array in [&mut self.hidden_bias, &mut self.out, &mut self.out_bias] {
            array.iter_mut().for_each(round);
        }
        self
    }

    pub(super) fn save(&self, out: &mut ModelWriter) {
        out.put("hidden", self.hidden.shape(), self.hidden.iter().map(|&v| v as f32));
        for (name, array) in
            [("hidden_bias", &self.hidden_bias), ("out", &self.out), ("out_bias", &self.out_bias)]
        {
            out.put(name, &[array.len()], array.iter().map(|&v| v as f32));
        }
    }

    pub(super) fn load(from: &ModelReader<'_>, width: usize) -> Result<Self> {
        let hidden = from.matrix::<f32>("hidden")?;
        let n_hidden = hidden.ncols();
        let list = |name, len| Ok(Array1::from(from.list_of::<f32>(name, len)?).mapv(f64::from));
        let network = Self {
            hidden: hidden.mapv(f64::from),
            hidden_bias: list("hidden_bias", n_hidden)?,
            out: list("out", n_hidden)?,
            out_bias: list("out_bias", 1)?,
        };
        let arrays = [&network.hidden_bias, &network.out, &network.out_bias];
        let all_finite = network.hidden.iter().chain(arrays.into_iter().flatten()).all(|v| v.is_finite());
        if network.hidden.nrows() != width || n_hidden == 0 || !all_finite {
            return Err(Error::model(
                "the network has another width than the rows, or a weight that is not finite",
            ));
        }
        Ok(network)
    }
}

fn descend<'a>(
    weights: impl Iterator<Item = &'a mut f64>,
    slopes: impl Iterator<Item = &'a f64> + Clone,
    squares: impl Iterator<Item = &'a mut f64>,
    learning_rate: f64,
) {
    let norm = slopes.clone().map(|slope| slope * slope).sum::<f64>().sqrt();
    let shrink = if norm > MOST_NORM { MOST_NORM / norm } else { 1.0 };
    for ((weight, slope), square) in weights.zip(slopes).zip(squares) {
        let slope = slope * shrink;
        *square = DECAY * *square + (1.0 - DECAY) * slope * slope;
        *weight -= learning_rate * slope / (square.sqrt() + TINY);
    }
}
