//! Curves for reports: thinned to what a picture can show.

/// Points of a picture's curve at most.
const MOST_POINTS: usize = 1_000;

/// The first and last point, and of those between only what moves the curve visibly.
pub(crate) fn thin(points: impl Iterator<Item = [f64; 2]>) -> Vec<[f64; 2]> {
    let mut kept: Vec<[f64; 2]> = Vec::new();
    let mut last = None;
    for point in points {
        let far = kept
            .last()
            .is_none_or(|at| (point[0] - at[0]).abs() + (point[1] - at[1]).abs() >= 2.0 / MOST_POINTS as f64);
        if far {
            kept.push(point);
        }
        last = (!far).then_some(point);
    }
    kept.extend(last);
    kept
}

#[cfg(test)]
mod tests {
    #[test]
    fn ends_are_kept() {
        let thin = super::thin((0..100_000).map(|i| [f64::from(i) / 1e5, 0.5]));
        assert!(thin.len() <= 1_000 && thin[0] == [0.0, 0.5] && thin[thin.len() - 1] == [0.99999, 0.5]);
    }
}
