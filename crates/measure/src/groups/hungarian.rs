//! The best one-to-one matching of rows to columns, by the Hungarian method with shortest augmenting paths.

/// For each row of `gains`, the column it is matched to, so that the sum of gains is largest; at least as many columns
/// as rows. Takes time rows^2 * columns.
///
/// Prices keep every cost minus both prices at 0 or above; each new row grows a tree of such tight pairs until it meets
/// a free column.
pub(super) fn best_matching(gains: &[Vec<f64>]) -> Vec<usize> {
    let n_rows = gains.len();
    let n_columns = gains.first().map_or(0, Vec::len);
    // Column `n_columns` stands for the row that looks for a partner.
    let mut row_prices = vec![0.0; n_rows];
    let mut column_prices = vec![0.0; n_columns + 1];
    let mut partner: Vec<Option<usize>> = vec![None; n_columns + 1];
    for start in 0..n_rows {
        partner[n_columns] = Some(start);
        let (mut slack, mut came_from) = (vec![f64::INFINITY; n_columns], vec![n_columns; n_columns]);
        let mut reached = vec![false; n_columns + 1];
        let mut at = n_columns;
        while let Some(row) = partner[at] {
            reached[at] = true;
            let (mut least, mut next) = (f64::INFINITY, at);
            for column in (0..n_columns).filter(|&column| !reached[column]) {
                let reduced = -gains[row][column] - row_prices[row] - column_prices[column];
                if reduced < slack[column] {
                    slack[column] = reduced;
                    came_from[column] = at;
                }
                if slack[column] < least {
                    least = slack[column];
                    next = column;
                }
            }
            if next == at {
                break;
            }
            for column in 0..=n_columns {
                match (reached[column], partner[column]) {
                    (true, Some(owner)) => {
                        row_prices[owner] += least;
                        column_prices[column] -= least;
                    }
                    (false, _) if column < n_columns => slack[column] -= least,
                    _ => {}
                }
            }
            at = next;
        }
        while at != n_columns {
            let before = came_from[at];
            partner[at] = partner[before];
            at = before;
        }
    }
    let mut matched = vec![0; n_rows];
    for (column, row) in partner.iter().enumerate().take(n_columns) {
        if let Some(row) = row {
            matched[*row] = column;
        }
    }
    matched
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The best sum by trying all.
    fn tried(gains: &[Vec<f64>], taken: &mut Vec<usize>) -> f64 {
        let row = taken.len();
        if row == gains.len() {
            return 0.0;
        }
        let mut best = f64::NEG_INFINITY;
        for column in 0..gains[row].len() {
            if !taken.contains(&column) {
                taken.push(column);
                best = best.max(gains[row][column] + tried(gains, taken));
                taken.pop();
            }
        }
        best
    }

    proptest! {
        #[test]
        fn equals_trying_all(n_rows in 1_usize..5, more in 0_usize..3, values in prop::collection::vec(0_u8..9, 35)) {
            let n_columns = n_rows + more;
            let gains: Vec<Vec<f64>> = (0..n_rows)
                .map(|row| (0..n_columns).map(|column| f64::from(values[row * n_columns + column])).collect())
                .collect();
            let matched = best_matching(&gains);
            let got: f64 = matched.iter().enumerate().map(|(row, &column)| gains[row][column]).sum();
            let mut distinct = matched.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), n_rows);
            prop_assert!((got - tried(&gains, &mut Vec::new())).abs() < 1e-9);
        }
    }
}
