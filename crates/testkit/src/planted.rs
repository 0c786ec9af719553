//! Data in which it is known what does not belong.

use anomalyst_core::{Features, Random};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};

/// Features with rows that were planted.
pub struct Planted {
    /// Normal rows, then one anomaly at the end.
    pub features: Features,
    /// The position of the anomaly.
    pub odd: usize,
    /// The column that makes it odd; where there are code columns, it is also the code column that does.
    pub column: usize,
}

/// `n` rows of `d` independent columns, each roughly normal with mean 0 and deviation 1.
pub fn normal_rows(n: usize, d: usize, seed: u64) -> Array2<f32> {
    let mut random = Random::seed_from_u64(seed);
    // The sum of twelve uniform numbers minus six: variance one, no tails that could outdo the planted rows.
    Array2::from_shape_simple_fn((n, d), || (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0)
}

/// `n` normal rows and one that is 12 deviations off in one column.
pub fn planted(n: usize, d: usize, seed: u64) -> Planted {
    let mut values = normal_rows(n + 1, d, seed);
    let column = d / 2;
    values[[n, column]] = 12.0;
    Planted { features: Features::rows(values), odd: n, column }
}

/// `n` normal rows and one that is 12 deviations off in every column, to either side in turn.
pub fn far(n: usize, d: usize, seed: u64) -> Planted {
    let mut values = normal_rows(n + 1, d, seed);
    values.row_mut(n).iter_mut().enumerate().for_each(|(j, v)| *v = if j % 2 == 0 { 12.0 } else { -12.0 });
    Planted { features: Features::rows(values), odd: n, column: 0 }
}
