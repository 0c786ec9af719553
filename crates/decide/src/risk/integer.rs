//! The best whole points for a given set of features, by branch and bound.

use anomalyst_core::{Result, Run};

use super::cells::Cells;
use super::relax::{Node, loss, relax};

/// Bounds this close to the best known objective are not followed further.
pub(super) const TOLERANCE: f64 = 1e-9;

/// Whole points of every bit of the cells, the intercept at the end.
pub(super) struct Integers {
    pub(super) points: Vec<i32>,
    pub(super) loss: f64,
}

/// The points with the least loss within `low..=high`, if one is below `below`; zeros count as points.
pub(super) fn best_integers(
    cells: &Cells,
    low: &[i32],
    high: &[i32],
    below: f64,
    run: &Run,
) -> Result<Option<Integers>> {
    let certain = if cells.n_bits == 64 { u64::MAX } else { (1 << cells.n_bits) - 1 };
    let real = |limits: &[i32]| limits.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>();
    let mut best: Option<Integers> = None;
    let mut ceiling = below;
    let mut stack = vec![(low.to_vec(), high.to_vec(), vec![0.0; cells.n_bits + 1])];
    while let Some((low, high, start)) = stack.pop() {
        run.check()?;
        let (real_low, real_high) = (real(&low), real(&high));
        let node = Node { cells, low: &real_low, high: &real_high, certain, free: 0, room: 0, price: 0.0 };
        let relaxed = relax(&node, &start, ceiling - TOLERANCE);
        if relaxed.bound >= ceiling - TOLERANCE {
            continue;
        }
        let w = relaxed.weights;
        let rounded: Vec<i32> =
            w.iter().zip(low.iter().zip(&high)).map(|(w, (l, h))| (w.round() as i32).clamp(*l, *h)).collect();
        let found = loss(cells, |bit| f64::from(rounded[bit]), f64::from(rounded[cells.n_bits]));
        if found < ceiling {
            ceiling = found;
            best = Some(Integers { points: rounded, loss: found });
        }
        let open = (0..w.len()).filter(|j| low[*j] < high[*j]);
        let apart = |j: usize| (w[j] - w[j].round()).abs();
        // The one furthest from a whole number; where all are whole, the one with the widest limits.
        let key = |j: &usize| (if apart(*j) > 1e-6 { apart(*j) } else { 0.0 }, high[*j] - low[*j]);
        let Some(j) = open.max_by(|a, b| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal))
        else {
            continue;
        };
        if relaxed.bound >= ceiling - TOLERANCE {
            continue;
        }
        let cut = (w[j].floor() as i32).clamp(low[j], high[j] - 1);
        let (mut down, mut up) = ((low.clone(), high.clone(), w.clone()), (low, high, w));
        down.1[j] = cut;
        up.0[j] = cut + 1;
        // The nearer side is looked at first.
        if up.2[j] - f64::from(cut) < 0.5 { stack.extend([up, down]) } else { stack.extend([down, up]) }
    }
    Ok(best)
}
