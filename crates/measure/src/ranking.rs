//! The scores of anomalous and of normal items, each sorted: all that a ranking metric needs.
//!
//! Two sorted lists instead of one sorted order of items: the lists are sorted as plain keys, which is several times
//! faster, and resampling within each class keeps them sorted.

use anomalyst_core::Random;
use rand::RngExt;
use rayon::slice::ParallelSliceMut;

/// Scores by class, highest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    /// Of anomalous items.
    pub odd: Vec<f64>,
    /// Of normal items.
    pub normal: Vec<f64>,
}

/// All items of one score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The score they share.
    pub score: f64,
    /// Anomalous items with this score.
    pub odd: usize,
    /// Normal items with this score.
    pub normal: usize,
}

impl Ranking {
    /// Sorts finite `scores` by class.
    pub fn new(scores: &[f64], labels: &[bool]) -> Self {
        let n_odd = labels.iter().filter(|&&odd| odd).count();
        let mut odd = Vec::with_capacity(n_odd);
        let mut normal = Vec::with_capacity(scores.len() - n_odd);
        for (&score, &is_odd) in scores.iter().zip(labels) {
            // Adding zero turns -0 into +0, which total order would set apart.
            if is_odd { odd.push(score + 0.0) } else { normal.push(score + 0.0) }
        }
        for list in [&mut odd, &mut normal] {
            list.par_sort_unstable_by(|a, b| b.total_cmp(a));
        }
        Self { odd, normal }
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.odd.len() + self.normal.len()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The distinct scores from the highest down, with how many items have each.
    pub fn steps(&self) -> impl Iterator<Item = Step> + '_ {
        let (mut odd, mut normal) = (self.odd.as_slice(), self.normal.as_slice());
        std::iter::from_fn(move || {
            let score = match (odd.first(), normal.first()) {
                (Some(&a), Some(&b)) => a.max(b),
                (Some(&only), None) | (None, Some(&only)) => only,
                (None, None) => return None,
            };
            Some(Step { score, odd: take_run(&mut odd, score), normal: take_run(&mut normal, score) })
        })
    }

    /// As many items of each class, drawn with replacement.
    pub fn resample(&self, random: &mut Random) -> Self {
        Self { odd: draw(&self.odd, random), normal: draw(&self.normal, random) }
    }
}

/// Cuts the leading entries equal to `score` off `list` and counts them.
fn take_run(list: &mut &[f64], score: f64) -> usize {
    let n = list.iter().take_while(|&&s| s == score).count();
    *list = &list[n..];
    n
}

fn draw(sorted: &[f64], random: &mut Random) -> Vec<f64> {
    let mut counts = vec![0_u32; sorted.len()];
    for _ in 0..sorted.len() {
        counts[random.random_range(0..sorted.len())] += 1;
    }
    let repeated = sorted.iter().zip(&counts);
    repeated.flat_map(|(&score, &n)| std::iter::repeat_n(score, n as usize)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_one_step() {
        let ranking = Ranking::new(&[1.0, 3.0, 3.0, -0.0, 0.0], &[false, true, false, true, false]);
        let steps: Vec<(f64, usize, usize)> = ranking.steps().map(|s| (s.score, s.odd, s.normal)).collect();
        assert_eq!(steps, [(3.0, 1, 1), (1.0, 0, 1), (0.0, 1, 1)]);
    }

    #[test]
    fn resampling_keeps_sizes_and_order() {
        let ranking = Ranking::new(&[5.0, 4.0, 3.0, 2.0, 1.0], &[true, false, true, false, false]);
        let drawn = ranking.resample(&mut anomalyst_core::Run::new(1).random(0));
        assert_eq!((drawn.odd.len(), drawn.normal.len()), (2, 3));
        assert!(drawn.odd.is_sorted_by(|a, b| a >= b) && drawn.normal.is_sorted_by(|a, b| a >= b));
    }
}
