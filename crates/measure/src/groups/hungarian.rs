//! One to one matching of the greatest total weight (Kuhn 1955), by shortest augmenting paths.
//!
//! Time O(k^2 m) and memory O(m) beside the weights, for k rows and m columns with k at most m.

/// For each row its column, so that the total of `weights[row * n_columns + column]` is greatest. There must be at
/// least as many columns as rows; each row gets a column of its own.
pub(super) fn best_matching(weights: &[f64], n_rows: usize, n_columns: usize) -> Vec<usize> {
    // Potentials u of rows and v of columns keep every reduced cost u + v - w at 0 or above, with equality on matched
    // pairs; `owner` is the row of each column. Row 0 and column 0 are a sentinel, the others are counted from 1.
    let mut u = vec![0.0; n_rows + 1];
    let mut v = vec![0.0; n_columns + 1];
    let mut owner = vec![0_usize; n_columns + 1];
    for row in 1..=n_rows {
        owner[0] = row;
        let (end, came_from) = shortest_path(weights, &mut u, &mut v, &owner);
        let mut column = end;
        while column != 0 {
            let before = came_from[column];
            owner[column] = owner[before];
            column = before;
        }
    }
    let mut matched = vec![0; n_rows];
    for column in 1..=n_columns {
        if owner[column] > 0 {
            matched[owner[column] - 1] = column - 1;
        }
    }
    matched
}

/// The free column that is nearest to the row of column 0 by reduced cost, and from which column each was reached;
/// moves the potentials along.
fn shortest_path(weights: &[f64], u: &mut [f64], v: &mut [f64], owner: &[usize]) -> (usize, Vec<usize>) {
    let n_columns = v.len() - 1;
    let mut nearest = vec![f64::INFINITY; n_columns + 1];
    let mut came_from = vec![0; n_columns + 1];
    let mut done = vec![false; n_columns + 1];
    let mut at = 0;
    loop {
        done[at] = true;
        let row = owner[at];
        let (mut step, mut next) = (f64::INFINITY, 0);
        for column in 1..=n_columns {
            if done[column] {
                continue;
            }
            let cost = -weights[(row - 1) * n_columns + column - 1] - u[row] - v[column];
            if cost < nearest[column] {
                nearest[column] = cost;
                came_from[column] = at;
            }
            if nearest[column] < step {
                step = nearest[column];
                next = column;
            }
        }
        for column in 0..=n_columns {
            if done[column] {
                u[owner[column]] += step;
                v[column] -= step;
            } else {
                nearest[column] -= step;
            }
        }
        at = next;
        if owner[at] == 0 {
            return (at, came_from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The greatest total over all ways to give each row a column of its own.
    fn naive(weights: &[f64], n_columns: usize, row: usize, taken: &mut Vec<bool>) -> f64 {
        if row * n_columns == weights.len() {
            return 0.0;
        }
        let mut best = f64::NEG_INFINITY;
        for column in 0..n_columns {
            if !taken[column] {
                taken[column] = true;
                best =
                    best.max(weights[row * n_columns + column] + naive(weights, n_columns, row + 1, taken));
                taken[column] = false;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn equals_trying_all(n_rows in 1_usize..5, more in 0_usize..3, numbers in prop::collection::vec(0_u8..9, 35)) {
            let n_columns = n_rows + more;
            let weights: Vec<f64> = numbers[..n_rows * n_columns].iter().map(|&w| f64::from(w)).collect();
            let matched = best_matching(&weights, n_rows, n_columns);
            let mut columns = matched.clone();
            columns.sort_unstable();
            columns.dedup();
            prop_assert_eq!(columns.len(), n_rows);
            let total: f64 = matched.iter().enumerate().map(|(row, column)| weights[row * n_columns + column]).sum();
            prop_assert_eq!(total, naive(&weights, n_columns, 0, &mut vec![false; n_columns]));
        }
    }
}
