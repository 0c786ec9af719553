//! Rows that agree in every indicator, counted together.

/// Most indicators that the search takes: the statements that hold for a row are the bits of one number.
pub(super) const MAX_INDICATORS: usize = 64;

/// Distinct rows of bits with how many anomalous and normal rows each stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cells {
    /// Ascending.
    pub(super) patterns: Vec<u64>,
    pub(super) anomalous: Vec<f64>,
    pub(super) normal: Vec<f64>,
    pub(super) n_bits: usize,
    /// Rows in all cells.
    pub(super) total: f64,
}

impl Cells {
    /// Counts rows; `n_bits` is at most [`MAX_INDICATORS`].
    pub(super) fn count(rows: impl Iterator<Item = (u64, bool)>, n_bits: usize) -> Self {
        let weighted = rows.map(|(pattern, anomalous)| {
            (pattern, f64::from(u8::from(anomalous)), f64::from(u8::from(!anomalous)))
        });
        Self::gather(weighted.collect(), n_bits)
    }

    /// The same rows seen through the bits of `support` alone, which become bits 0, 1, ... in their order.
    pub(super) fn project(&self, support: u64) -> Self {
        let bits: Vec<usize> = bits(support).collect();
        let squeeze = |pattern: u64| {
            bits.iter().enumerate().fold(0_u64, |sum, (to, from)| sum | ((pattern >> from & 1) << to))
        };
        if bits.len() <= 12 {
            // Few enough cells to count them in place.
            let mut counts = vec![(0.0, 0.0); 1 << bits.len()];
            for (i, pattern) in self.patterns.iter().enumerate() {
                let cell = &mut counts[squeeze(*pattern) as usize];
                cell.0 += self.anomalous[i];
                cell.1 += self.normal[i];
            }
            let kept = counts.into_iter().enumerate().filter(|(_, (a, n))| a + n > 0.0);
            let rows = kept.map(|(pattern, (a, n))| (pattern as u64, a, n)).collect();
            return Self::split(rows, bits.len());
        }
        let each = |(i, p): (usize, &u64)| (squeeze(*p), self.anomalous[i], self.normal[i]);
        Self::gather(self.patterns.iter().enumerate().map(each).collect(), bits.len())
    }

    fn gather(mut rows: Vec<(u64, f64, f64)>, n_bits: usize) -> Self {
        rows.sort_unstable_by_key(|row| row.0);
        rows.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                first.1 += later.1;
                first.2 += later.2;
            }
            same
        });
        Self::split(rows, n_bits)
    }

    fn split(rows: Vec<(u64, f64, f64)>, n_bits: usize) -> Self {
        Self {
            total: rows.iter().map(|row| row.1 + row.2).sum(),
            patterns: rows.iter().map(|row| row.0).collect(),
            anomalous: rows.iter().map(|row| row.1).collect(),
            normal: rows.iter().map(|row| row.2).collect(),
            n_bits,
        }
    }

    /// Least number of errors that any classifier makes that sees only these bits.
    pub(super) fn least_errors(&self) -> f64 {
        self.anomalous.iter().zip(&self.normal).map(|(a, n)| a.min(*n)).sum()
    }
}

/// Positions of the bits that are set, ascending.
pub(super) fn bits(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = mask.trailing_zeros();
        mask &= mask.wrapping_sub(1);
        (at < 64).then_some(at as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_are_counted_and_projections_add_up() {
        let rows = [(0b101, true), (0b101, false), (0b001, true), (0b110, false)];
        let cells = Cells::count(rows.into_iter(), 3);
        assert_eq!(cells.patterns, [0b001, 0b101, 0b110]);
        assert_eq!((cells.total, cells.least_errors()), (4.0, 1.0));
        let first = cells.project(0b001);
        assert_eq!(
            (first.patterns, first.anomalous, first.normal),
            (vec![0, 1], vec![0.0, 2.0], vec![1.0, 1.0])
        );
        assert_eq!(bits(0b1010_0001).collect::<Vec<_>>(), [0, 5, 7]);
        assert_eq!(bits(u64::MAX).count(), 64);
    }
}
