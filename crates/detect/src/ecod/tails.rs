//! The empirical distribution of one column, and how it is kept.

use anomalyst_core::{Error, ModelReader, ModelWriter, Result};
use anomalyst_kernels::order::{float_key, key_float, sort_by_upper_half};

/// Columns with at most this many different values are kept exactly.
pub(super) const EXACT_POINTS: usize = 1 << 16;

/// How a column's two tails go into the three sums of a row: of left tails, of right tails, of skewed tails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blend {
    /// Each tail into its own sum.
    Apart,
    /// The rarer tail into all sums.
    Rarer,
    /// The longer tail, or the mean of both if that is more, into all sums.
    LongerOrMean,
}

/// What one value says, in nats: the negative logarithm of the share of training values as far out. Where tails
/// are blended for each column, both sides hold the blend.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Surprise {
    pub(super) left: f32,
    pub(super) right: f32,
}

/// A training value that is kept, with how many lie below it and how many at or below it.
#[derive(Clone, Copy, Debug)]
struct Point {
    value: f32,
    below: u32,
    upto: u32,
}

/// The distribution of one column.
#[derive(Debug)]
pub(super) struct Tails {
    points: Vec<Point>,
    /// Ascending; the values of `points` again, close together for the search.
    values: Vec<f32>,
    /// Entry `2 i + 1` belongs to point `i`, entry `2 i` to the gap before it.
    surprises: Vec<Surprise>,
    missing: Surprise,
    pub(super) is_left_skewed: bool,
}

/// Working memory of a fit. One column after the other uses the same, because fresh pages cost more than what is done in them.
#[derive(Default)]
pub(super) struct Scratch {
    keys: Vec<u64>,
    spare: Vec<u64>,
    /// The surprise of every value of the last column; the right one only where tails go into sums of their own.
    pub(super) left: Vec<f32>,
    pub(super) right: Vec<f32>,
}

impl Tails {
    /// The distribution of the values that are not missing; the surprise of every value is left in `scratch`.
    pub(super) fn fit(
        column: &[f32],
        blend: Blend,
        tail_error: f64,
        nats: &Nats,
        scratch: &mut Scratch,
    ) -> Self {
        let Scratch { keys, spare, left, right } = scratch;
        keys.clear();
        // The gate holds rows below 2^32, so value and row fit into one number that sorts by value.
        let key = |(row, &v): (u64, &f32)| u64::from(float_key(v)) << 32 | row;
        if column.iter().any(|v| v.is_nan()) {
            keys.extend((0..).zip(column).filter(|(_, v)| !v.is_nan()).map(key));
        } else {
            keys.extend((0..).zip(column).map(key));
        }
        sort_by_upper_half(keys, spare);
        let n = keys.len() as u32;
        let own;
        let nats = if nats.n() == n {
            nats
        } else {
            own = Nats::new(n);
            &own
        };
        // Where the rarer tail counts, the longer one is of no interest.
        let is_left_skewed = blend != Blend::Rarer && third_moment(keys) < 0.0;
        left.resize(column.len(), 0.0);
        if blend == Blend::Apart {
            right.resize(column.len(), 0.0);
        }
        let n_points = keys.windows(2).filter(|pair| pair[0] >> 32 != pair[1] >> 32).count() + 1;
        let error = if n_points > EXACT_POINTS { tail_error } else { 0.0 };
        let mut kept = Kept::new(n, error);
        let mut sums = [0.0; 2];
        for equal in keys.chunk_by(|a, b| a >> 32 == b >> 32) {
            let below = kept.upto;
            let value = key_float((equal[0] >> 32) as u32);
            let point = Point { value, below, upto: below + equal.len() as u32 };
            let surprise = nats.at_point(&point, blend, is_left_skewed);
            for key in equal {
                left[(key & 0xffff_ffff) as usize] = surprise.left;
                if blend == Blend::Apart {
                    right[(key & 0xffff_ffff) as usize] = surprise.right;
                }
            }
            sums[0] += f64::from(surprise.left) * equal.len() as f64;
            sums[1] += f64::from(surprise.right) * equal.len() as f64;
            kept.push(point);
        }
        let [missing_left, missing_right] = sums.map(|sum| (sum / f64::from(n.max(1))) as f32);
        if n < column.len() as u32 {
            for (row, _) in column.iter().enumerate().filter(|(_, v)| v.is_nan()) {
                left[row] = missing_left;
                if blend == Blend::Apart {
                    right[row] = missing_right;
                }
            }
        }
        let missing = Surprise { left: missing_left, right: missing_right };
        Self::new(kept.points, missing, is_left_skewed, blend)
    }

    fn new(points: Vec<Point>, missing: Surprise, is_left_skewed: bool, blend: Blend) -> Self {
        let n = points.last().map_or(0, |p| p.upto);
        let mut surprises = Vec::with_capacity(2 * points.len() + 1);
        // From counts at or below and at or above; of no value nothing is known.
        let surprise = |upto: f64, from: f64| {
            let of = |count| if n == 0 { 0.0 } else { nats(count, f64::from(n)) };
            blended(of(upto), of(from), blend, is_left_skewed)
        };
        // `before` values lie below the gap and `upto` below its end; they differ where points were thinned out.
        let in_gap = |before: u32, upto: u32| {
            let middle = (f64::from(before) + f64::from(upto)) / 2.0;
            surprise(middle, f64::from(n) - middle)
        };
        let mut before = 0;
        for point in &points {
            surprises.push(in_gap(before, point.below));
            surprises.push(surprise(f64::from(point.upto), f64::from(n - point.below)));
            before = point.upto;
        }
        surprises.push(in_gap(before, n));
        let values = points.iter().map(|p| p.value).collect();
        Self { points, values, surprises, missing, is_left_skewed }
    }

    /// What a value says. A value between two kept points counts as the middle of the ranks that it may have.
    pub(super) fn surprise(&self, v: f32) -> Surprise {
        if v.is_nan() {
            return self.missing;
        }
        let at = self.values.partition_point(|&kept| kept < v);
        let hit = self.values.get(at).is_some_and(|&kept| kept == v);
        self.surprises[2 * at + usize::from(hit)]
    }

    /// The side of the longer tail.
    pub(super) const fn skewed(&self, surprise: Surprise) -> f32 {
        if self.is_left_skewed { surprise.left } else { surprise.right }
    }
}

/// The surprise of each count of `n`, which all columns without gaps share.
pub(super) struct Nats(Vec<f32>);

impl Nats {
    pub(super) fn new(n: u32) -> Self {
        Self((0..=n).map(|count| nats(f64::from(count), f64::from(n))).collect())
    }

    fn n(&self) -> u32 {
        self.0.len() as u32 - 1
    }

    fn at_point(&self, point: &Point, blend: Blend, is_left_skewed: bool) -> Surprise {
        let (upto, from) = (point.upto, self.n() - point.below);
        blended(self.0[upto as usize], self.0[from as usize], blend, is_left_skewed)
    }
}

/// A count of 0 is a share of 1 / (n + 1).
fn nats(count: f64, n: f64) -> f32 {
    if count > 0.0 { (n / count).ln() as f32 } else { (n + 1.0).ln() as f32 }
}

fn blended(left: f32, right: f32, blend: Blend, is_left_skewed: bool) -> Surprise {
    let both = |most| Surprise { left: most, right: most };
    match blend {
        Blend::Apart => Surprise { left, right },
        Blend::Rarer => both(left.max(right)),
        Blend::LongerOrMean => {
            both((if is_left_skewed { left } else { right }).max(f32::midpoint(left, right)))
        }
    }
}

/// A number with the sign of the skewness.
fn third_moment(keys: &[u64]) -> f64 {
    let mean = sum(keys, |v| v) / keys.len().max(1) as f64;
    sum(keys, |v| (v - mean).powi(3))
}

/// The sum of `term` over all values, in eight sums that do not wait for each other.
fn sum(keys: &[u64], term: impl Fn(f64) -> f64) -> f64 {
    let term = |key: &u64| term(f64::from(key_float((key >> 32) as u32)));
    let (chunks, rest) = keys.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, key)| *sum += term(key));
    }
    sums.into_iter().chain(rest.iter().map(term)).sum()
}

/// The points of a column that are kept, taken in one after the other.
///
/// Leaves out points as long as no more than `2 error` times the values on the rarer side are hidden between two
/// kept ones; the middle rank of a gap is then off by a factor of at most `1 + error` on either side.
struct Kept {
    points: Vec<Point>,
    n: u32,
    /// 0 keeps all.
    error: f64,
    /// Values at or below the last point that was taken in.
    upto: u32,
}

impl Kept {
    const fn new(n: u32, error: f64) -> Self {
        Self { points: Vec::new(), n, error, upto: 0 }
    }

    fn push(&mut self, point: Point) {
        self.upto = point.upto;
        let is_hidden = |last: &Point| {
            let rarer = last.upto.min(self.n - point.upto);
            point.upto < self.n && f64::from(point.upto - last.upto) <= 2.0 * self.error * f64::from(rarer)
        };
        if !self.points.last().is_some_and(is_hidden) {
            self.points.push(point);
        }
    }
}

/// All columns' points behind one another.
pub(super) fn save(columns: &[Tails], out: &mut ModelWriter) {
    let ends: Vec<u64> = columns
        .iter()
        .scan(0, |end, column| {
            *end += column.points.len() as u64;
            Some(*end)
        })
        .collect();
    let points: Vec<Point> = columns.iter().flat_map(|column| column.points.iter().copied()).collect();
    out.put_list("ends", &ends);
    out.put("value", &[points.len()], points.iter().map(|p| p.value));
    out.put("below", &[points.len()], points.iter().map(|p| p.below));
    out.put("upto", &[points.len()], points.iter().map(|p| p.upto));
    let missing = columns.iter().flat_map(|column| [column.missing.left, column.missing.right]);
    out.put("missing", &[columns.len(), 2], missing);
    out.put("left_skewed", &[columns.len()], columns.iter().map(|column| u8::from(column.is_left_skewed)));
}

/// Refuses points that are not ascending or whose counts do not fit together.
pub(super) fn load(from: &ModelReader<'_>, n_columns: usize, blend: Blend) -> Result<Vec<Tails>> {
    let ends: Vec<u64> = from.list_of("ends", n_columns)?;
    let value: Vec<f32> = from.list("value")?;
    let below: Vec<u32> = from.list_of("below", value.len())?;
    let upto: Vec<u32> = from.list_of("upto", value.len())?;
    let missing = from.finite_matrix("missing", 2)?;
    let left_skewed: Vec<u8> = from.list_of("left_skewed", n_columns)?;
    let wrong = || Error::model("the points of the columns' distributions do not fit together");
    if missing.nrows() != n_columns || ends.last().is_some_and(|&end| end != value.len() as u64) {
        return Err(wrong());
    }
    let mut columns = Vec::with_capacity(n_columns);
    let mut start = 0;
    for (j, &end) in ends.iter().enumerate() {
        let end =
            usize::try_from(end).ok().filter(|end| (start..=value.len()).contains(end)).ok_or_else(wrong)?;
        let points: Vec<Point> =
            (start..end).map(|i| Point { value: value[i], below: below[i], upto: upto[i] }).collect();
        let sound = points.iter().all(|p| p.value.is_finite() && p.below < p.upto)
            && points.windows(2).all(|w| w[0].value < w[1].value && w[0].upto <= w[1].below)
            && points.first().is_none_or(|p| p.below == 0);
        if !sound {
            return Err(wrong());
        }
        let missing = Surprise { left: missing[[j, 0]], right: missing[[j, 1]] };
        columns.push(Tails::new(points, missing, left_skewed[j] != 0, blend));
        start = end;
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The promise of `tail_error`, against counting, with ties and at any thinning.
        #[test]
        fn thinning_keeps_its_error(
            mut values in prop::collection::vec((-300..300_i32).prop_map(|v| v as f32 / 3.0), 1..400),
            error in 0.001..0.1_f64, query in -110.0..110.0_f32,
        ) {
            let exact =
                Tails::fit(&values, Blend::Apart, 0.0, &Nats::new(0), &mut Scratch::default());
            let mut kept = Kept::new(values.len() as u32, error);
            exact.points.iter().for_each(|&point| kept.push(point));
            let thinned = kept.points;
            let thinned = Tails::new(thinned, exact.missing, false, Blend::Apart);
            values.push(query);
            for v in values {
                let (a, b) = (exact.surprise(v), thinned.surprise(v));
                prop_assert!(f64::from((a.left - b.left).abs()) <= error + 1e-6, "{v}: {a:?} {b:?}");
                prop_assert!(f64::from((a.right - b.right).abs()) <= error + 1e-6, "{v}: {a:?} {b:?}");
            }
        }
    }
}
