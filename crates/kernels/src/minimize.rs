//! The least value of a function of a few numbers, without derivatives.

use anomalyst_core::Result;

/// When the search ends.
#[derive(Clone, Copy, Debug)]
pub struct SearchLimits {
    /// Calls of the function at most, about.
    pub n_calls: usize,
    /// The share by which the values of all corners may differ at the end.
    pub tolerance: f64,
}

/// The place of the least value that the simplex search of Nelder and Mead (1965, Computer Journal 7(4)) finds from
/// `start`, and that value. The first simplex reaches `step` in every direction; values that are not finite count as
/// the largest. An error of `f` ends the search.
///
/// ```
/// use anomalyst_kernels::minimize::{SearchLimits, nelder_mead};
/// let limits = SearchLimits { n_calls: 500, tolerance: 1e-12 };
/// let (at, least) = nelder_mead(|x| Ok((x[0] - 3.0).powi(2) + 1.0), &[0.0], 0.5, limits).unwrap();
/// assert!((at[0] - 3.0).abs() < 1e-4 && (least - 1.0).abs() < 1e-8);
/// ```
pub fn nelder_mead(
    f: impl FnMut(&[f64]) -> Result<f64>,
    start: &[f64],
    step: f64,
    limits: SearchLimits,
) -> Result<(Vec<f64>, f64)> {
    let mut search = Search { f, n_calls: 0 };
    let mut corners = vec![search.corner(start.to_vec())?];
    for i in 0..start.len() {
        let mut at = start.to_vec();
        at[i] += step;
        corners.push(search.corner(at)?);
    }
    loop {
        corners.sort_by(|a, b| a.value.total_cmp(&b.value));
        let (best, worst) = (corners[0].value, corners[start.len()].value);
        let is_flat = worst - best <= limits.tolerance * best.abs();
        if search.n_calls >= limits.n_calls || is_flat || start.is_empty() {
            let best = corners.swap_remove(0);
            return Ok((best.at, best.value));
        }
        search.step(&mut corners)?;
    }
}

struct Search<F> {
    f: F,
    n_calls: usize,
}

struct Corner {
    at: Vec<f64>,
    value: f64,
}

impl<F: FnMut(&[f64]) -> Result<f64>> Search<F> {
    fn corner(&mut self, at: Vec<f64>) -> Result<Corner> {
        self.n_calls += 1;
        let value = (self.f)(&at)?;
        Ok(Corner { at, value: if value.is_finite() { value } else { f64::MAX } })
    }

    /// Replaces the worst of sorted corners, or draws all of them to the best.
    fn step(&mut self, corners: &mut [Corner]) -> Result<()> {
        let n = corners.len() - 1;
        let center: Vec<f64> =
            (0..n).map(|i| corners[..n].iter().map(|c| c.at[i]).sum::<f64>() / n as f64).collect();
        let worst = corners[n].at.clone();
        let beyond = |share: f64| center.iter().zip(&worst).map(|(c, w)| c + share * (c - w)).collect();
        let reflected = self.corner(beyond(1.0))?;
        if reflected.value < corners[0].value {
            let further = self.corner(beyond(2.0))?;
            corners[n] = if further.value < reflected.value { further } else { reflected };
        } else if reflected.value < corners[n - 1].value {
            corners[n] = reflected;
        } else {
            let is_outside = reflected.value < corners[n].value;
            let nearer = self.corner(beyond(if is_outside { 0.5 } else { -0.5 }))?;
            if nearer.value < reflected.value.min(corners[n].value) {
                corners[n] = nearer;
                return Ok(());
            }
            let best = corners[0].at.clone();
            for corner in &mut corners[1..] {
                let at = corner.at.iter().zip(&best).map(|(c, b)| b + 0.5 * (c - b)).collect();
                *corner = self.corner(at)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_core::Error;

    const LIMITS: SearchLimits = SearchLimits { n_calls: 2000, tolerance: 1e-14 };

    /// Rosenbrock's valley, least at (1, 1).
    #[test]
    fn valleys_are_followed() {
        let valley = |x: &[f64]| Ok(100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2) + 1.0);
        let (at, value) = nelder_mead(valley, &[-1.2, 1.0], 0.5, LIMITS).unwrap();
        assert!(at.iter().all(|v| (v - 1.0).abs() < 1e-3) && (value - 1.0).abs() < 1e-6, "{at:?}");
    }

    #[test]
    fn ends_whatever_the_function_says() {
        let (at, _) = nelder_mead(|_| Ok(f64::NAN), &[1.0, 2.0], 1.0, LIMITS).unwrap();
        assert_eq!(at.len(), 2);
        assert_eq!(nelder_mead(|_| Ok(7.0), &[], 1.0, LIMITS).unwrap(), (Vec::new(), 7.0));
        assert!(nelder_mead(|_| Err(Error::Cancelled), &[1.0], 1.0, LIMITS).is_err());
        let mut n_calls = 0;
        let count = |x: &[f64]| {
            n_calls += 1;
            Ok(-x[0])
        };
        nelder_mead(count, &[1.0], 1.0, SearchLimits { n_calls: 50, ..LIMITS }).unwrap();
        assert!(n_calls < 60);
    }
}
