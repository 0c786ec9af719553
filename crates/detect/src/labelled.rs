//! What methods that learn from labels share.

use anomalyst_core::{Detector, DetectorExt, Features, Result, Run};
use rand::seq::SliceRandom;

/// Parts in which rows are scored by models of the other parts.
const FOLDS: usize = 5;
/// Above all streams that fits use themselves.
const STREAM: u64 = u64::MAX - 16;

/// The rank of each training row by a model that has not seen it: a model that learned a row's label knows the answer.
///
/// Each kind is dealt out in equal parts. `None` where there are too few of a kind to leave any out.
pub(crate) fn out_of_fold<D: Detector>(
    detector: &D,
    train: &Features,
    run: &Run,
) -> Result<Option<Vec<f32>>> {
    let is_odd = train.known_anomalous();
    let (odd, others): (Vec<usize>, Vec<usize>) = (0..is_odd.len()).partition(|&row| is_odd[row]);
    let n_folds = FOLDS.min(odd.len()).min(others.len());
    if n_folds < 2 {
        return Ok(None);
    }
    let mut fold_of = vec![0; is_odd.len()];
    for (stream, mut rows) in [(STREAM, odd), (STREAM + 1, others)] {
        rows.shuffle(&mut run.random(stream));
        rows.into_iter().enumerate().for_each(|(i, row)| fold_of[row] = i % n_folds);
    }
    let mut scores = vec![0.0; is_odd.len()];
    for fold in 0..n_folds {
        let (left_out, learned): (Vec<usize>, Vec<usize>) =
            (0..is_odd.len()).partition(|&row| fold_of[row] == fold);
        let run = run.child(STREAM + 2 + fold as u64);
        let model = detector.fit_on(&train.take(&learned), &run)?;
        let of_fold = model.score(&train.take(&left_out), &run)?;
        left_out.into_iter().zip(of_fold).for_each(|(row, score)| scores[row] = score);
    }
    Ok(Some(scores))
}
