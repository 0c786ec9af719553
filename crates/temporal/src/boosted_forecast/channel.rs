//! One channel: trees that forecast it, the band of their errors, and trees that tell what is odd from other channels.

use std::ops::Range;

use anomalyst_core::{Error, ModelReader, ModelWriter, Result, Run, Stage};
use anomalyst_kernels::boosted_trees::{Boosting, Trees};
use anomalyst_kernels::draw::uniform;
use anomalyst_kernels::stats::{Moments, median, quantile_of_sorted};
use ndarray::Array2;
use rayon::prelude::*;

use super::columns::{Columns, Plan, Purpose};
use super::{BoostedForecast, Covariates, MOST, STEPS};

/// The least band, as a share of the deviation of the points.
const LEAST_SHARE: f64 = 1e-6;
/// Quantiles of the targets; beyond them by as much as they are apart, targets are cut off.
const ENDS: [f64; 2] = [0.001, 0.999];
/// Values of a column that splits tell apart: of few rows, one for so many.
const BINS: (usize, usize) = (255, 4);
/// The trees that tell what is odd: leaves, fewest rows in one, and how few rows shrink what they say.
const ODDNESS: (usize, f64, f64) = (8, 5.0, 1.0);

/// What was learned of a channel.
pub(super) struct Channel {
    target: usize,
    /// From where a point is measured that has nothing before it.
    center: f64,
    /// One of what the trees forecast, in units of the channel.
    unit: f64,
    band: f64,
    forecast: Trees,
    oddness: Option<Trees>,
}

/// The scores of all points of a channel, and the shares of channels in those outside the band.
pub(super) type Shares = (Vec<f64>, Vec<(usize, Vec<f64>)>);

/// Learns channels of one table.
pub(super) struct Learner<'a> {
    pub(super) params: &'a BoostedForecast,
    pub(super) plan: &'a Plan,
    pub(super) columns: &'a Columns,
    pub(super) stage: &'a Stage,
}

/// As many of `candidates` as `size` says, evenly over them, each at random in its place.
fn drawn(candidates: &[usize], size: usize, stream: u64, run: &Run) -> Vec<usize> {
    let n = candidates.len();
    if n <= size {
        return candidates.to_vec();
    }
    let mut random = run.random(stream);
    let pick = |i: usize| ((i as f64 + uniform(&mut random)) * n as f64 / size as f64) as usize;
    (0..size).map(pick).map(|at| candidates[at.min(n - 1)]).collect()
}

impl Learner<'_> {
    /// What is learned of `target`, and its scores out of fold.
    pub(super) fn learn(&self, target: usize, run: &Run) -> Result<(Channel, Vec<f64>)> {
        run.check()?;
        let points = self.columns.channel(target);
        let n = points.len();
        let center = median(&mut points.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
        let mut channel =
            Channel { target, center, unit: 1.0, band: 1.0, forecast: Trees::new(0.0), oddness: None };
        let usable = self.usable(n);
        let size = self.params.sample_size;
        let mut targets = self.rows(target, &drawn(&usable, size, 0, run), center, run)?.1;
        targets.sort_unstable_by(f64::total_cmp);
        let ends = ENDS.map(|q| quantile_of_sorted(&targets, q));
        let range = ends[1] - ends[0];
        let cut = |y: f64| y.clamp(ends[0] - range, ends[1] + range);
        let unit = targets.iter().map(|&y| cut(y)).collect::<Moments>().std_dev();
        channel.unit = if unit > 0.0 && unit.is_finite() { unit } else { 1.0 };

        let grow = |rows: &[usize]| {
            let (values, targets) = self.rows(target, rows, center, run)?;
            let targets: Vec<f64> = targets.into_iter().map(|y| cut(y) / channel.unit).collect();
            // Without rows, what comes next is expected where the points before are.
            if rows.is_empty() {
                return Ok(Trees::new(0.0));
            }
            self.boosting(rows.len()).regress(values.view(), &targets, self.stage, run)
        };
        let n_folds = self.params.n_folds.min(n);
        let fold = |fold: usize| {
            let block = fold * n / n_folds..(fold + 1) * n / n_folds;
            let reach = self.plan.reach();
            let sees = |row: usize| row + reach >= block.start && row < block.end + reach;
            let others: Vec<usize> = usable.iter().copied().filter(|&row| !sees(row)).collect();
            let trees = grow(&drawn(&others, size, 1 + fold as u64, run))?;
            channel.errors_of(&trees, self.plan, self.columns, block, run)
        };
        let errors: Vec<Vec<f64>> = (0..n_folds).into_par_iter().map(fold).collect::<Result<_>>()?;
        let errors = errors.concat();
        let forecast = grow(&drawn(&usable, size, 0, run))?;
        channel.forecast = forecast;
        let deviation = points.iter().map(|&x| f64::from(x)).collect::<Moments>().std_dev();
        channel.band = band(&errors, self.params.alpha)
            .max(LEAST_SHARE * deviation)
            .max(f64::from(f32::MIN_POSITIVE))
            .min(f64::MAX);
        let scores: Vec<f64> = errors.into_iter().map(|error| channel.score(error)).collect();
        channel.oddness = self.oddness(target, &scores, run)?;
        Ok((channel, scores))
    }

    fn boosting(&self, n_rows: usize) -> Boosting {
        Boosting {
            n_trees: self.params.n_trees,
            learning_rate: self.params.learning_rate,
            max_leaves: self.params.max_leaves,
            min_leaf_weight: self.params.min_leaf as f64,
            l2: 0.0,
            n_bins: (n_rows / BINS.1).clamp(16, BINS.0),
        }
    }

    /// The points that have enough before them; all where that leaves too few.
    fn usable(&self, n: usize) -> Vec<usize> {
        let reach = self.plan.reach();
        let whole: Vec<usize> = self.columns.whole(reach).collect();
        if whole.len() < 2 * self.params.min_leaf { (0..n).collect() } else { whole }
    }

    /// What points are forecast from, and how far each is from where it is measured.
    fn rows(
        &self,
        target: usize,
        points: &[usize],
        center: f64,
        run: &Run,
    ) -> Result<(Array2<f32>, Vec<f64>)> {
        run.check()?;
        let width = self.plan.owners(target, Purpose::Forecast).len();
        let mut values = Array2::zeros((points.len(), width));
        let mut targets = Vec::with_capacity(points.len());
        let mut row = Vec::with_capacity(width);
        for (mut of, &point) in values.rows_mut().into_iter().zip(points) {
            let middle = self.plan.fill(self.columns, (target, Purpose::Forecast), point, &mut row);
            of.iter_mut().zip(&row).for_each(|(to, &from)| *to = from);
            let middle = if middle.is_nan() { center } else { f64::from(middle) };
            targets.push(f64::from(self.columns.channel(target)[point]) - middle);
        }
        Ok((values, targets))
    }

    /// Trees that tell the scores of a channel from the other channels, where the forecast does not know those.
    fn oddness(&self, target: usize, scores: &[f64], run: &Run) -> Result<Option<Trees>> {
        if self.params.covariates != Covariates::None || self.plan.part_of(target).len() < 2 {
            return Ok(None);
        }
        let (odd, usual): (Vec<usize>, Vec<usize>) =
            (0..scores.len()).partition(|&point| scores[point] > 1.0);
        let size = self.params.sample_size / 2;
        let stream = self.params.n_folds as u64 + 1;
        let mut points = drawn(&odd, size / 2, stream, run);
        points.extend(drawn(&usual, size - points.len(), stream + 1, run));
        points.sort_unstable();
        let width = self.plan.owners(target, Purpose::Oddness).len();
        let mut values = Array2::zeros((points.len(), width));
        let mut row = Vec::with_capacity(width);
        for (mut of, &point) in values.rows_mut().into_iter().zip(&points) {
            self.plan.fill(self.columns, (target, Purpose::Oddness), point, &mut row);
            of.iter_mut().zip(&row).for_each(|(to, &from)| *to = from);
        }
        let targets: Vec<f64> = points.iter().map(|&point| scores[point].ln_1p()).collect();
        let (max_leaves, min_leaf_weight, l2) = ODDNESS;
        let n_trees = self.params.n_trees.div_ceil(2);
        let boosting = Boosting { n_trees, max_leaves, min_leaf_weight, l2, ..self.boosting(points.len()) };
        boosting.regress(values.view(), &targets, self.stage, run).map(Some)
    }
}

/// The `ceil((n + 1) (1 - alpha))`-th smallest of the sizes of `errors`, the largest where there are too few.
fn band(errors: &[f64], alpha: f64) -> f64 {
    let mut sizes: Vec<f64> = errors.iter().map(|error| error.abs()).collect();
    let rank = ((sizes.len() + 1) as f64 * (1.0 - alpha)).ceil() as usize;
    let Some(at) = rank.min(sizes.len()).checked_sub(1) else { return 0.0 };
    *sizes.select_nth_unstable_by(at, f64::total_cmp).1
}

impl Channel {
    pub(super) const fn target(&self) -> usize {
        self.target
    }

    /// How many bands an error is.
    pub(super) fn score(&self, error: f64) -> f64 {
        (error.abs() / self.band).min(MOST)
    }

    /// The errors of all points.
    pub(super) fn errors(&self, plan: &Plan, columns: &Columns, run: &Run) -> Result<Vec<f64>> {
        self.errors_of(&self.forecast, plan, columns, 0..columns.n_points, run)
    }

    fn errors_of(
        &self,
        trees: &Trees,
        plan: &Plan,
        columns: &Columns,
        range: Range<usize>,
        run: &Run,
    ) -> Result<Vec<f64>> {
        let mut errors = vec![0.0; range.len()];
        errors.par_chunks_mut(STEPS).enumerate().try_for_each(|(chunk, errors)| {
            run.check()?;
            let mut row = Vec::new();
            for (i, error) in errors.iter_mut().enumerate() {
                let point = range.start + chunk * STEPS + i;
                let middle = self.middle(plan, columns, point, &mut row);
                *error =
                    f64::from(columns.channel(self.target)[point]) - middle - self.unit * trees.sum(&row);
            }
            Ok(())
        })?;
        Ok(errors)
    }

    /// Puts what `point` is forecast from into `row`, and says from where it is measured.
    fn middle(&self, plan: &Plan, columns: &Columns, point: usize, row: &mut Vec<f32>) -> f64 {
        let middle = plan.fill(columns, (self.target, Purpose::Forecast), point, row);
        if middle.is_nan() { self.center } else { f64::from(middle) }
    }

    /// Scores, and of each point outside the band the shares of the channels of its part, which add up to its score.
    pub(super) fn shares(&self, plan: &Plan, columns: &Columns, run: &Run) -> Result<Shares> {
        let errors = self.errors(plan, columns, run)?;
        let scores: Vec<f64> = errors.iter().map(|&error| self.score(error)).collect();
        let purpose = if self.oddness.is_some() { Purpose::Oddness } else { Purpose::Forecast };
        let owners = plan.owners(self.target, purpose);
        let expected = self.oddness.as_ref().unwrap_or(&self.forecast).expected();
        let part = plan.part_of(self.target);
        let outside: Vec<usize> = (0..scores.len()).filter(|&point| scores[point] > 1.0).collect();
        let one = |point: usize| {
            run.check()?;
            let mut row = Vec::new();
            let mut parts = vec![0.0; part.len()];
            let own = self.target - part.start;
            if let Some(oddness) = &self.oddness {
                plan.fill(columns, (self.target, purpose), point, &mut row);
                parts[own] = scores[point].ln_1p();
                for (&owner, value) in owners.iter().zip(oddness.shapley(&row)) {
                    parts[owner - part.start] += value;
                    parts[own] -= value;
                }
            } else {
                let middle = self.middle(plan, columns, point, &mut row);
                let towards = -errors[point].signum() * self.unit;
                let value = f64::from(columns.channel(self.target)[point]);
                parts[own] = errors[point].signum() * (value - middle) + towards * expected;
                for (&owner, value) in owners.iter().zip(self.forecast.shapley(&row)) {
                    parts[owner - part.start] += towards * value;
                }
            }
            Ok((point, shared(&parts, own, scores[point])))
        };
        let shares = outside.into_par_iter().map(one).collect::<Result<_>>()?;
        Ok((scores, shares))
    }

    pub(super) fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_list("scale", &[self.center, self.unit, self.band]);
        out.put_json("tells_oddness", &self.oddness.is_some())?;
        out.scope("forecast", |out| {
            self.forecast.save(out);
            Ok(())
        })?;
        out.scope("oddness", |out| {
            if let Some(trees) = &self.oddness {
                trees.save(out);
            }
            Ok(())
        })
    }

    pub(super) fn load(from: &ModelReader<'_>, plan: &Plan, target: usize) -> Result<Self> {
        let scale: Vec<f64> = from.list_of("scale", 3)?;
        let (center, unit, band) = (scale[0], scale[1], scale[2]);
        if !(scale.iter().all(|v| v.is_finite()) && unit > 0.0 && band > 0.0) {
            return Err(Error::model("centre, unit and band of a channel must be finite"));
        }
        let trees = |name: &str, purpose| Trees::load(&from.scope(name), plan.owners(target, purpose).len());
        let oddness =
            if from.json("tells_oddness")? { Some(trees("oddness", Purpose::Oddness)?) } else { None };
        Ok(Self { target, center, unit, band, forecast: trees("forecast", Purpose::Forecast)?, oddness })
    }
}

/// What speaks for the score, in shares of it; all of it is its `own` where nothing can be told.
fn shared(parts: &[f64], own: usize, score: f64) -> Vec<f64> {
    let total: f64 = parts.iter().map(|part| part.max(0.0)).sum();
    if total > 0.0 && total.is_finite() {
        return parts.iter().map(|part| part.max(0.0) / total * score).collect();
    }
    let mut all = vec![0.0; parts.len()];
    all[own] = score;
    all
}
