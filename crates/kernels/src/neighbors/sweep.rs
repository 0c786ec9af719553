//! A block of queries against one leaf of points: which pairs may be close, decided while sums are in registers.
//!
//! For each of [`LEAF`] points `b` and each query `a` the sum of the point's start and of the products of their columns
//! is compared with the query's limit. Only the queries for which some point is not beyond it are written down, so
//! that of all the sums next to nothing reaches memory. Written three times: for AVX-512, for AVX2, and plainly.

use super::halves::LEAF;

/// Queries whose sums are in registers at once.
pub(super) const QUERIES: usize = 12;

/// Queries laid out for sweeping.
#[derive(Clone, Copy)]
pub(super) struct Queries<'a> {
    /// Group by group, and column by column within a group.
    pub(super) columns: &'a [[f32; QUERIES]],
    /// Group by group, what a sum may be at most.
    pub(super) limits: &'a [[f32; QUERIES]],
}

/// Points laid out for sweeping.
#[derive(Clone, Copy)]
pub(super) struct Points<'a> {
    /// Column by column.
    pub(super) columns: &'a [[f32; LEAF]],
    /// What each point's sums begin with.
    pub(super) starts: &'a [f32; LEAF],
}

/// A query with points that are not beyond its limit, which NaN never is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hit {
    /// The number of the query.
    pub(super) query: u32,
    /// One bit per point, the first in the lowest place.
    pub(super) points: u32,
    /// The sums of all points of the leaf.
    pub(super) sums: [f32; LEAF],
}

/// How many numbers are added at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Width {
    /// The widest that the processor has.
    pub(super) fn widest() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Plain
    }
}

/// Appends the hits of all queries in one leaf. `width` must come from [`Width::widest`], or be narrower.
#[allow(unsafe_code)]
pub(super) fn sweep(width: Width, queries: Queries<'_>, points: Points<'_>, hits: &mut Vec<Hit>) {
    let d = points.columns.len();
    assert!(queries.columns.len() == d * queries.limits.len(), "every group has a place for every column");
    match width {
        Width::Plain => sweep_plain(queries, points, hits),
        // SAFETY: the function only demands that the processor has AVX2 and FMA, which the caller asked for.
        #[cfg(target_arch = "x86_64")]
        Width::Avx2 => unsafe { sweep_avx2(queries, points, hits) },
        // SAFETY: the function only demands that the processor has AVX-512 F, which the caller asked for.
        #[cfg(target_arch = "x86_64")]
        Width::Avx512 => unsafe { sweep_avx512(queries, points, hits) },
    }
}

impl<'a> Queries<'a> {
    /// The columns of group `group` of queries with `d` columns.
    #[inline(always)]
    fn group(self, group: usize, d: usize) -> &'a [[f32; QUERIES]] {
        &self.columns[group * d..][..d]
    }
}

fn sweep_plain(queries: Queries<'_>, points: Points<'_>, hits: &mut Vec<Hit>) {
    for (group, limits) in queries.limits.iter().enumerate() {
        let columns = queries.group(group, points.columns.len());
        for (slot, &limit) in limits.iter().enumerate() {
            let mut sums = *points.starts;
            for (point, query) in points.columns.iter().zip(columns) {
                (0..LEAF).for_each(|i| sums[i] += query[slot] * point[i]);
            }
            // Not "at most", which NaN would fail.
            let mask = (0..LEAF).fold(0, |mask, i| mask | u32::from(!beyond(sums[i], limit)) << i);
            if mask != 0 {
                hits.push(Hit { query: (group * QUERIES + slot) as u32, points: mask, sums });
            }
        }
    }
}

fn beyond(sum: f32, limit: f32) -> bool {
    sum > limit
}

/// Half of a group and half of a leaf at a time: twelve sums, two points and a query are all the registers there are.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[target_feature(enable = "avx2,fma")]
fn sweep_avx2(queries: Queries<'_>, points: Points<'_>, hits: &mut Vec<Hit>) {
    use std::arch::x86_64::*;
    const HALF: usize = QUERIES / 2;
    // SAFETY: a load of eight floats from, and a store to, exactly eight floats.
    let load = |from: &[f32; 8]| unsafe { _mm256_loadu_ps(from.as_ptr()) };
    let store = |to: &mut [f32; 8], v| unsafe { _mm256_storeu_ps(to.as_mut_ptr(), v) };
    let mut sums = [[[0.0; 8]; LEAF / 8]; QUERIES];
    let starts = points.starts.as_chunks::<8>().0;
    for (group, limits) in queries.limits.iter().enumerate() {
        let columns = queries.group(group, points.columns.len());
        for part in 0..4 {
            let (first, eight) = (part / 2 * HALF, part % 2 * 2);
            let mut held = [[load(&starts[eight]), load(&starts[eight + 1])]; HALF];
            for (point, query) in points.columns.iter().zip(columns) {
                let point = point.as_chunks::<8>().0;
                let point = [load(&point[eight]), load(&point[eight + 1])];
                for slot in 0..HALF {
                    let query = _mm256_set1_ps(query[first + slot]);
                    held[slot][0] = _mm256_fmadd_ps(query, point[0], held[slot][0]);
                    held[slot][1] = _mm256_fmadd_ps(query, point[1], held[slot][1]);
                }
            }
            for slot in 0..HALF {
                store(&mut sums[first + slot][eight], held[slot][0]);
                store(&mut sums[first + slot][eight + 1], held[slot][1]);
            }
        }
        for slot in 0..QUERIES {
            let limit = _mm256_set1_ps(limits[slot]);
            let mask = (0..LEAF / 8).fold(0, |mask, i| {
                let near = _mm256_cmp_ps::<_CMP_NGT_UQ>(load(&sums[slot][i]), limit);
                mask | (_mm256_movemask_ps(near) as u32) << (8 * i)
            });
            if mask != 0 {
                let mut all = [0.0; LEAF];
                all.as_chunks_mut().0.copy_from_slice(&sums[slot]);
                hits.push(Hit { query: (group * QUERIES + slot) as u32, points: mask, sums: all });
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[target_feature(enable = "avx512f")]
fn sweep_avx512(queries: Queries<'_>, points: Points<'_>, hits: &mut Vec<Hit>) {
    use std::arch::x86_64::*;
    // SAFETY: a load of sixteen floats from, and a store to, exactly sixteen floats.
    let load = |from: &[f32; 16]| unsafe { _mm512_loadu_ps(from.as_ptr()) };
    let store = |to: &mut [f32; 16], v| unsafe { _mm512_storeu_ps(to.as_mut_ptr(), v) };
    let halves = |leaf: &[f32; LEAF]| {
        let halves = leaf.as_chunks::<16>().0;
        [load(&halves[0]), load(&halves[1])]
    };
    let starts = halves(points.starts);
    for (group, limits) in queries.limits.iter().enumerate() {
        let columns = queries.group(group, points.columns.len());
        let mut sums = [starts; QUERIES];
        for (point, query) in points.columns.iter().zip(columns) {
            let point = halves(point);
            for slot in 0..QUERIES {
                let query = _mm512_set1_ps(query[slot]);
                sums[slot][0] = _mm512_fmadd_ps(query, point[0], sums[slot][0]);
                sums[slot][1] = _mm512_fmadd_ps(query, point[1], sums[slot][1]);
            }
        }
        for slot in 0..QUERIES {
            let limit = _mm512_set1_ps(limits[slot]);
            let near = |half: usize| u32::from(_mm512_cmp_ps_mask::<_CMP_NGT_UQ>(sums[slot][half], limit));
            let mask = near(0) | near(1) << 16;
            if mask != 0 {
                let mut all = [0.0; LEAF];
                let out = all.as_chunks_mut::<16>().0;
                store(&mut out[0], sums[slot][0]);
                store(&mut out[1], sums[slot][1]);
                hits.push(Hit { query: (group * QUERIES + slot) as u32, points: mask, sums: all });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn narrower() -> Vec<Width> {
        #[cfg(target_arch = "x86_64")]
        match Width::widest() {
            Width::Avx512 => return vec![Width::Plain, Width::Avx2, Width::Avx512],
            Width::Avx2 => return vec![Width::Plain, Width::Avx2],
            Width::Plain => {}
        }
        vec![Width::Plain]
    }

    /// Deterministic whole numbers from -8 to 8, whose products and sums are exact in any order.
    fn whole(seed: u64) -> impl FnMut() -> f32 {
        let mut state = seed | 1;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % 17) as f32 - 8.0
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Every width against the definition, with sums that meet their limit exactly, with NaN, and with a query
        /// that nothing is near to.
        #[test]
        fn every_width_finds_what_is_not_beyond(n_groups in 1..4_usize, d in 0..9_usize, seed: u64, gap in 0..LEAF) {
            let mut next = whole(seed);
            let mut row = || std::array::from_fn::<f32, LEAF, _>(|_| next());
            let columns: Vec<[f32; LEAF]> = (0..d).map(|_| row()).collect();
            let mut starts = row();
            starts[gap] = f32::NAN;
            let mut group = || std::array::from_fn::<f32, QUERIES, _>(|_| next());
            let queries: Vec<[f32; QUERIES]> = (0..n_groups * d).map(|_| group()).collect();
            let mut limits: Vec<[f32; QUERIES]> = (0..n_groups).map(|_| group()).collect();
            limits[0][3] = f32::NEG_INFINITY;
            let mut want = Vec::new();
            for query in 0..n_groups * QUERIES {
                let (group, slot) = (query / QUERIES, query % QUERIES);
                let sum = |point: usize| {
                    starts[point] + (0..d).map(|j| queries[group * d + j][slot] * columns[j][point]).sum::<f32>()
                };
                let sums: Vec<f32> = (0..LEAF).map(sum).collect();
                let near: Vec<bool> = sums.iter().map(|&sum| sum.is_nan() || sum <= limits[group][slot]).collect();
                if near.contains(&true) {
                    want.push((query as u32, near, sums));
                }
            }
            let queries = Queries { columns: &queries, limits: &limits };
            for width in narrower() {
                let mut hits = Vec::new();
                sweep(width, queries, Points { columns: &columns, starts: &starts }, &mut hits);
                prop_assert_eq!(hits.len(), want.len());
                for (hit, (query, near, sums)) in hits.iter().zip(&want) {
                    prop_assert_eq!(hit.query, *query);
                    for i in 0..LEAF {
                        prop_assert_eq!(hit.points >> i & 1 == 1, near[i], "{:?}", width);
                        prop_assert!(hit.sums[i] == sums[i] || sums[i].is_nan() && hit.sums[i].is_nan());
                    }
                }
            }
        }
    }
}
