//! The likeliest sigmoid through pairs of number and target.

/// Newton's method with backtracking (Lin, Lin, Weng 2007, appendix), from `a = 0` and the given `b`.
pub(super) fn fit_sigmoid(pairs: &[(f64, f64)], start: f64) -> (f64, f64) {
    let loss = |a: f64, b: f64| -> f64 {
        pairs
            .iter()
            .map(|&(x, t)| {
                let z = a * x + b;
                if z >= 0.0 { t * z + (-z).exp().ln_1p() } else { (t - 1.0) * z + z.exp().ln_1p() }
            })
            .sum()
    };
    let (mut a, mut b) = (0.0, start);
    let mut now = loss(a, b);
    for _ in 0..100 {
        // A ridge of 1e-12 keeps the Hessian positive definite, as in the paper.
        let (mut h11, mut h22, mut h21, mut g1, mut g2) = (1e-12, 1e-12, 0.0, 0.0, 0.0);
        for &(x, t) in pairs {
            let p = 1.0 / (1.0 + (a * x + b).exp());
            let (w, d) = (p * (1.0 - p), t - p);
            h11 += x * x * w;
            h22 += w;
            h21 += x * w;
            g1 += x * d;
            g2 += d;
        }
        let det = h11 * h22 - h21 * h21;
        let (da, db) = (-(h22 * g1 - h21 * g2) / det, -(h11 * g2 - h21 * g1) / det);
        let descent = g1 * da + g2 * db;
        let mut step = 1.0;
        while step > 1e-10 {
            let next = loss(a + step * da, b + step * db);
            if next < now + 1e-4 * step * descent {
                (a, b, now) = (a + step * da, b + step * db, next);
                break;
            }
            step *= 0.5;
        }
        if step <= 1e-10 || (g1.abs() < 1e-9 && g2.abs() < 1e-9) {
            break;
        }
    }
    (a, b)
}
