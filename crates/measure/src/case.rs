//! One scorer's answers beside the truth: aligned columns, one entry per item or per point of series.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use anomalyst_core::{Error, Random, Result, Run, Verdict};
use rand::RngExt;
use rand::seq::SliceRandom;

use crate::compare::drawn_in_blocks;
use crate::memo::Memo;
use crate::{Measurable, MetricCard, Need, Ranking, Redraw};

/// Labels and what a scorer said of the same items.
///
/// Everything in here is of one length and finite: the `with_` functions are the gate. Row numbers in errors count
/// from 1.
#[derive(Debug, Default)]
pub struct Case {
    labels: Vec<bool>,
    scores: Option<Vec<f64>>,
    probabilities: Option<Vec<f64>>,
    p_values: Option<Vec<f64>>,
    verdicts: Option<Vec<Verdict>>,
    levels: Option<Vec<u32>>,
    times: Option<Vec<f64>>,
    ends: Option<Vec<usize>>,
    period: Option<usize>,
    ranking: OnceLock<Ranking>,
    memo: Memo,
}

/// The part of a [`Case`] that belongs to one series.
#[derive(Clone, Copy, Debug)]
pub struct SeriesView<'a> {
    /// Which points are anomalous.
    pub labels: &'a [bool],
    /// Scores, if there are any.
    pub scores: Option<&'a [f64]>,
    /// Verdicts, if there are any.
    pub verdicts: Option<&'a [Verdict]>,
    /// Seconds, if they are known; increasing.
    pub times: Option<&'a [f64]>,
    /// The dominant period in points, if it is known.
    pub period: Option<usize>,
}

impl Case {
    /// A case of labelled items: `true` is anomalous.
    pub fn new(labels: Vec<bool>) -> Self {
        Self { labels, ..Self::default() }
    }

    /// With a finite score for each item; higher is more anomalous.
    pub fn with_scores(mut self, scores: Vec<f64>) -> Result<Self> {
        self.check_len("scores", scores.len())?;
        check_each(
            "score",
            &scores,
            f64::is_finite,
            "a finite number; a scorer that failed on it has no score",
        )?;
        self.scores = Some(scores);
        self.ranking = OnceLock::new();
        Ok(self)
    }

    /// With a probability of being anomalous for each item.
    pub fn with_probabilities(mut self, probabilities: Vec<f64>) -> Result<Self> {
        self.check_len("probabilities", probabilities.len())?;
        check_each("probability", &probabilities, is_share, "between 0 and 1")?;
        self.probabilities = Some(probabilities);
        Ok(self)
    }

    /// With a p-value for each item.
    pub fn with_p_values(mut self, p_values: Vec<f64>) -> Result<Self> {
        self.check_len("p-values", p_values.len())?;
        check_each("p-value", &p_values, is_share, "between 0 and 1")?;
        self.p_values = Some(p_values);
        Ok(self)
    }

    /// With a verdict for each item.
    pub fn with_verdicts(mut self, verdicts: Vec<Verdict>) -> Result<Self> {
        self.check_len("verdicts", verdicts.len())?;
        self.verdicts = Some(verdicts);
        Ok(self)
    }

    /// With a level of severity for each item: 0 exactly where the label is normal.
    pub fn with_levels(mut self, levels: Vec<u32>) -> Result<Self> {
        self.check_len("levels", levels.len())?;
        if let Some(row) = levels.iter().zip(&self.labels).position(|(&level, &odd)| odd != (level > 0)) {
            return Err(Error::Data(format!(
                "the level of row {} is {}, but its label says {}; level 0 is normal, all others are anomalous",
                row + 1,
                levels[row],
                if self.labels[row] { "anomalous" } else { "normal" }
            )));
        }
        self.levels = Some(levels);
        Ok(self)
    }

    /// With the time of each point in seconds, increasing within each series.
    pub fn with_times(mut self, times: Vec<f64>) -> Result<Self> {
        self.check_len("times", times.len())?;
        check_each("time", &times, f64::is_finite, "finite")?;
        for range in self.series_ranges() {
            let first = range.start;
            if let Some(at) = times[range].windows(2).position(|pair| pair[1] < pair[0]) {
                return Err(Error::Data(format!(
                    "the time of row {} is before that of the row above it; sort the series by time",
                    first + at + 2
                )));
            }
        }
        self.times = Some(times);
        Ok(self)
    }

    /// As several series one after another: series `i` owns rows `ends[i-1]..ends[i]`.
    pub fn with_series(mut self, ends: Vec<usize>) -> Result<Self> {
        let rising = ends.first().is_none_or(|&end| end > 0) && ends.is_sorted_by(|a, b| a < b);
        if !rising || ends.last().copied().unwrap_or(0) != self.labels.len() {
            return Err(Error::Data(format!(
                "the ends of the series must rise to {}, the number of points",
                self.labels.len()
            )));
        }
        self.ends = Some(ends);
        Ok(self)
    }

    /// With the dominant period of the series, in points.
    pub const fn with_period(mut self, period: usize) -> Self {
        self.period = Some(period);
        self
    }

    /// A case of labels and scores alone, in no particular order, that need not be sorted again.
    pub fn from_ranking(ranking: Ranking) -> Self {
        let labels = [vec![true; ranking.odd.len()], vec![false; ranking.normal.len()]].concat();
        let scores = [ranking.odd.as_slice(), ranking.normal.as_slice()].concat();
        Self { labels, scores: Some(scores), ranking: OnceLock::from(ranking), ..Self::default() }
    }

    /// Which items are anomalous.
    pub fn labels(&self) -> &[bool] {
        &self.labels
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// How many items are anomalous.
    pub fn n_odd(&self) -> usize {
        self.labels.iter().filter(|&&odd| odd).count()
    }

    /// Share of anomalous items; 0 without items.
    pub fn prevalence(&self) -> f64 {
        self.n_odd() as f64 / self.len().max(1) as f64
    }

    /// Scores; empty where there are none.
    pub fn scores(&self) -> &[f64] {
        self.scores.as_deref().unwrap_or_default()
    }

    /// Probabilities; empty where there are none.
    pub fn probabilities(&self) -> &[f64] {
        self.probabilities.as_deref().unwrap_or_default()
    }

    /// p-values; empty where there are none.
    pub fn p_values(&self) -> &[f64] {
        self.p_values.as_deref().unwrap_or_default()
    }

    /// Verdicts; empty where there are none.
    pub fn verdicts(&self) -> &[Verdict] {
        self.verdicts.as_deref().unwrap_or_default()
    }

    /// Levels of severity; empty where there are none.
    pub fn levels(&self) -> &[u32] {
        self.levels.as_deref().unwrap_or_default()
    }

    /// The scores sorted by class; sorted once.
    pub fn ranking(&self) -> &Ranking {
        self.ranking.get_or_init(|| Ranking::new(self.scores(), &self.labels))
    }

    /// The rows of each series; all rows where there is one.
    pub fn series_ranges(&self) -> Vec<Range<usize>> {
        let whole = [self.len()];
        let ends = self.ends.as_deref().unwrap_or(&whole);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(ends).map(|(start, &end)| start..end).collect()
    }

    /// Each series in turn.
    pub fn series(&self) -> impl Iterator<Item = SeriesView<'_>> {
        self.series_ranges().into_iter().map(|range| SeriesView {
            labels: &self.labels[range.clone()],
            scores: self.scores.as_ref().map(|scores| &scores[range.clone()]),
            verdicts: self.verdicts.as_ref().map(|verdicts| &verdicts[range.clone()]),
            times: self.times.as_ref().map(|times| &times[range.clone()]),
            period: self.period,
        })
    }

    /// What several metrics compute alike (a surface, an alignment) is made once per case: `key` names the parameters
    /// it depends on.
    pub fn shared<T: Send + Sync + 'static>(
        &self,
        key: impl Into<String>,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        self.memo.shared(key, make)
    }

    /// The items at `rows`, in that order, as one series.
    pub fn take(&self, rows: &[usize]) -> Self {
        Self {
            labels: pick(&self.labels, rows),
            scores: self.scores.as_ref().map(|from| pick(from, rows)),
            probabilities: self.probabilities.as_ref().map(|from| pick(from, rows)),
            p_values: self.p_values.as_ref().map(|from| pick(from, rows)),
            verdicts: self.verdicts.as_ref().map(|from| pick(from, rows)),
            levels: self.levels.as_ref().map(|from| pick(from, rows)),
            times: self.times.as_ref().map(|from| pick(from, rows)),
            period: self.period,
            ..Self::default()
        }
    }

    /// What the scorer said, beside other labels; levels of severity, which these may contradict, are left out.
    pub fn relabelled(&self, labels: Vec<bool>) -> Result<Self> {
        self.check_len("new labels", labels.len())?;
        Ok(Self {
            labels,
            scores: self.scores.clone(),
            probabilities: self.probabilities.clone(),
            p_values: self.p_values.clone(),
            verdicts: self.verdicts.clone(),
            times: self.times.clone(),
            ends: self.ends.clone(),
            period: self.period,
            ..Self::default()
        })
    }

    /// Whether everything in `needs` is there.
    pub fn has(&self, needs: &[Need]) -> bool {
        needs.iter().all(|&need| match need {
            Need::Labels => true,
            Need::BothClasses => (1..self.len()).contains(&self.n_odd()),
            Need::Scores => self.scores.is_some(),
            Need::Probabilities => self.probabilities.is_some(),
            Need::PValues => self.p_values.is_some(),
            Need::Verdicts => self.verdicts.is_some(),
            Need::Levels => self.levels.is_some(),
            Need::Times => self.times.is_some(),
            Need::Groups | Need::Templates => false,
        })
    }

    /// The same labels, with what the scorer said dealt out at random.
    pub fn shuffled(&self, random: &mut Random) -> Self {
        let mut rows: Vec<usize> = (0..self.len()).collect();
        rows.shuffle(random);
        let dealt = self.take(&rows);
        Self {
            labels: self.labels.clone(),
            levels: self.levels.clone(),
            times: self.times.clone(),
            ends: self.ends.clone(),
            ..dealt
        }
    }

    /// As many items of each class, drawn with replacement (the stratified bootstrap).
    fn resampled(&self, random: &mut Random) -> Self {
        if self.is_only_scores() {
            return Self::from_ranking(self.ranking().resample(random));
        }
        let (odd, normal): (Vec<usize>, Vec<usize>) = (0..self.len()).partition(|&row| self.labels[row]);
        let mut rows = Vec::with_capacity(self.len());
        for class in [&odd, &normal] {
            rows.extend((0..class.len()).map(|_| class[random.random_range(0..class.len())]));
        }
        self.take(&rows)
    }

    fn is_only_scores(&self) -> bool {
        self.scores.is_some()
            && self.probabilities.is_none()
            && self.p_values.is_none()
            && self.verdicts.is_none()
            && self.levels.is_none()
    }

    /// Each series made anew of blocks of `block_len` neighbouring points that start anywhere and wrap at its end.
    ///
    /// Times stay where they are, since a series must go forward.
    fn resampled_in_blocks(&self, block_len: usize, random: &mut Random) -> Self {
        let mut rows = Vec::with_capacity(self.len());
        for range in self.series_ranges() {
            let drawn = drawn_in_blocks(range.len(), block_len, random);
            rows.extend(drawn.into_iter().map(|at| range.start + at));
        }
        Self { times: self.times.clone(), ends: self.ends.clone(), ..self.take(&rows) }
    }

    /// The mean of `measure` over [`Case::shuffled`] scorers: the random level where no closed form is known.
    ///
    /// Fewer shuffles are needed where there are many items, since their value varies less.
    pub fn mean_over_shuffles(&self, run: &Run, measure: impl Fn(&Self) -> Result<f64>) -> Result<f64> {
        let n_shuffles = (200_000 / self.len().max(1)).clamp(5, 100);
        let mut total = 0.0;
        for i in 0..n_shuffles {
            run.check()?;
            total += measure(&self.shuffled(&mut run.random(i as u64)))?;
        }
        Ok(total / n_shuffles as f64)
    }

    fn check_len(&self, what: &str, got: usize) -> Result<()> {
        if got == self.labels.len() {
            return Ok(());
        }
        Err(Error::Data(format!(
            "there are {got} {what} and {} labels; both must be of the same items in the same order",
            self.labels.len()
        )))
    }
}

impl Redraw for Case {
    fn n_units(&self) -> usize {
        self.len()
    }

    fn prepare(&self, block: Option<usize>) -> Result<bool> {
        if block.is_none() && self.is_only_scores() {
            // Sorted once here rather than by all threads at once.
            self.ranking();
        }
        Ok(true)
    }

    /// Items within each class; points of series in blocks.
    fn redrawn(&self, block: Option<usize>, random: &mut Random) -> Result<Self> {
        Ok(match block {
            None => self.resampled(random),
            Some(block_len) => self.resampled_in_blocks(block_len, random),
        })
    }
}

impl Measurable for Case {
    fn check(&self, card: &MetricCard) -> Result<()> {
        if self.is_empty() {
            return Err(Error::Data(format!("{}: there is no item to judge", card.id)));
        }
        for &need in card.needs {
            if need == Need::BothClasses && !self.has(&[need]) {
                let only = if self.labels[0] { "anomalous" } else { "normal" };
                return Err(Error::Data(format!(
                    "{} compares anomalous with normal items, and all {} labels are {only}",
                    card.id,
                    self.len()
                )));
            }
            let there = self.has(&[need]);
            if !there {
                return Err(Error::Data(format!("{} needs {}, and there are none", card.id, need.as_str())));
            }
        }
        Ok(())
    }
}

fn pick<T: Copy>(from: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|&row| from[row]).collect()
}

fn is_share(value: f64) -> bool {
    (0.0..=1.0).contains(&value)
}

fn check_each(what: &str, values: &[f64], ok: impl Fn(f64) -> bool, want: &str) -> Result<()> {
    match values.iter().position(|&value| !ok(value)) {
        None => Ok(()),
        Some(row) => {
            Err(Error::Data(format!("the {what} of row {} is {}; it must be {want}", row + 1, values[row])))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case() -> Case {
        Case::new(vec![false, true, false]).with_scores(vec![0.0, 2.0, 1.0]).unwrap()
    }

    #[test]
    fn the_gate_names_the_row() {
        let refused = |scores: Vec<f64>| case().with_scores(scores).unwrap_err().to_string();
        assert!(refused(vec![0.0]).contains("1 scores and 3 labels"));
        assert!(refused(vec![0.0, 1.0, f64::NAN]).contains("the score of row 3 is NaN"));
        assert!(
            case().with_probabilities(vec![0.0, 1.1, 0.0]).unwrap_err().to_string().contains("row 2 is 1.1")
        );
        assert!(case().with_levels(vec![0, 0, 0]).unwrap_err().to_string().contains("row 2 is 0"));
        assert!(case().with_times(vec![0.0, 2.0, 1.0]).unwrap_err().to_string().contains("row 3"));
        assert!(case().with_series(vec![2, 2, 3]).is_err() && case().with_series(vec![1]).is_err());
        assert!(case().with_series(vec![2, 3]).unwrap().with_times(vec![0.0, 2.0, 1.0]).is_ok());
    }

    #[test]
    fn series_are_cut_at_their_ends() {
        let case = case().with_series(vec![1, 3]).unwrap();
        let scores: Vec<&[f64]> = case.series().filter_map(|s| s.scores).collect();
        assert_eq!(scores, [&[0.0][..], &[2.0, 1.0]]);
    }

    #[test]
    fn what_is_shared_is_made_once() {
        let case = case();
        let made = case.shared("a", || Ok(1_u8)).unwrap();
        assert_eq!(*case.shared("a", || -> Result<u8> { panic!("made twice") }).unwrap(), *made);
        assert_eq!(*case.shared("b", || Ok(2_u8)).unwrap(), 2);
    }

    #[test]
    fn shuffling_keeps_labels_and_resampling_keeps_classes() {
        let run = Run::new(3);
        let dealt = case().shuffled(&mut run.random(0));
        assert_eq!(dealt.labels(), case().labels());
        let drawn = case().resampled(&mut run.random(0));
        assert_eq!((drawn.len(), drawn.n_odd()), (3, 1));
        let with_verdicts = case().with_verdicts(vec![Verdict::Normal; 3]).unwrap();
        assert_eq!(with_verdicts.resampled(&mut run.random(0)).n_odd(), 1);
    }
}
