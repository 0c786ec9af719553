//! Small maps for the tests of this folder.

use proptest::prelude::*;

use super::{MapSet, MapsInMemory, ScoredMap};

/// One row of pixels: score, and whether it is anomalous.
pub(super) fn dots(pixels: &[(f32, bool)]) -> MapSet {
    let (scores, mask): (Vec<f32>, Vec<bool>) = pixels.iter().copied().unzip();
    let map = ScoredMap::new("dots", scores.len(), 1, scores).unwrap();
    MapSet::new(MapsInMemory(vec![map.with_mask(mask.len(), 1, mask).unwrap()]))
}

/// A map of this width.
pub(super) fn map(width: usize, scores: &[f32], mask: &[bool]) -> ScoredMap {
    let height = scores.len() / width;
    let map = ScoredMap::new("map", width, height, scores.to_vec()).unwrap();
    if mask.is_empty() { map } else { map.with_mask(width, height, mask.to_vec()).unwrap() }
}

/// A few small maps of different sizes, some normal, with many ties.
pub(super) fn random_maps() -> impl Strategy<Value = MapsInMemory> {
    let pixels = prop::collection::vec((0_u8..12, any::<bool>()), 2..40);
    let one = (1_usize..7, any::<bool>(), pixels).prop_map(|(width, normal, pixels)| {
        let len = (pixels.len() / width * width).max(width);
        let pixels: Vec<(u8, bool)> = pixels.into_iter().cycle().take(len).collect();
        let scores: Vec<f32> = pixels.iter().map(|&(score, _)| f32::from(score) / 4.0 - 1.0).collect();
        let mask: Vec<bool> = pixels.iter().map(|&(_, odd)| odd && !normal).collect();
        map(width, &scores, &mask)
    });
    prop::collection::vec(one, 1..5).prop_map(MapsInMemory)
}

/// Scores and labels of all pixels.
pub(super) fn flat(maps: &MapsInMemory) -> (Vec<f64>, Vec<bool>) {
    let scores = maps.0.iter().flat_map(|map| map.scores().iter().map(|&score| f64::from(score))).collect();
    let labels = maps.0.iter().flat_map(|map| match map.mask() {
        Some(mask) => mask.to_vec(),
        None => vec![false; map.len()],
    });
    (scores, labels.collect())
}

/// Maps from a generator that the golden scripts repeat: scores are whole numbers from 0 to 1023, defects are two
/// rectangles that touch at a corner and a third apart, on every second map; inside them scores are higher by 300.
pub(super) fn golden_maps(n_maps: usize, width: usize, height: usize) -> MapsInMemory {
    let mut state: u32 = 12345;
    let maps = (0..n_maps).map(|i| {
        let mut mask = vec![false; width * height];
        let rectangles = [(2 + i, 3, 5, 4), (7 + i, 7, 3, 2 + i), (width - 6, height - 5, 4, 3)];
        for (left, top, wide, high) in rectangles {
            for row in top..(top + high).min(height) {
                for column in left..(left + wide).min(width) {
                    mask[row * width + column] = i % 2 == 1;
                }
            }
        }
        let mut scores = Vec::with_capacity(mask.len());
        for &odd in &mask {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let score = (state >> 22) + if odd { 300 } else { 0 };
            scores.push(score as f32);
        }
        map(width, &scores, &mask)
    });
    MapsInMemory(maps.collect())
}
