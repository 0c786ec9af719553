"""Reference values of the tests in crates/decide. Run: python values.py
Made with Python 3.11, SciPy 1.17.1, scikit-learn 1.9.1, NumPy 2.4.6."""
import numpy as np
from scipy import special, stats

print("# special: a, b, x -> lower, upper (scipy.stats.beta.cdf / sf)")
for a, b, x in [(0.5, 0.5, 0.3), (2, 3, 0.25), (50, 5, 0.97), (900001, 100000, 0.9), (900001, 100000, 0.902),
                (900001, 100000, 0.898), (3, 1e6, 5e-6), (1e6, 1e6, 0.5003)]:
    print((a, b, x, stats.beta.cdf(x, a, b), stats.beta.sf(x, a, b)))
print("# ln_gamma, digamma")
for x in [0.1, 0.5, 1.0, 2.5, 14.9, 100.0, 1e6]:
    print((x, special.gammaln(x), special.digamma(x)))
print("# Clopper-Pearson 90 %")
for c, n in [(3, 50), (0, 20), (50_000, 1_000_000)]:
    print((c, n, stats.beta.ppf(0.05, c, n - c + 1) if c else 0.0, stats.beta.ppf(0.95, c + 1, n - c)))

print("# exceed: n, k, m -> P(anomalous), P(normal) by the formula of Perini et al. 2020")
for n, k, m in [(10, 2, 8), (100, 10, 90), (100, 10, 97), (1000, 50, 900), (1_000_000, 50_000, 950_000),
                (1_000_000, 50_000, 951_000), (1_000_000, 50_000, 948_500), (1_000_000, 10, 999_999)]:
    p = (1 + m) / (2 + n)
    print((n, k, m, stats.binom.sf(n - k, n, p), stats.binom.cdf(n - k, n, p)))

print("# rejection: n, k, T -> psi_1, psi_2, rate, cost bound at (1, 1, 0.1)")
for n, k, T in [(1000, 100, 32.0), (1000, 100, 4.0), (100_000, 2_000, 32.0)]:
    p1, p2 = stats.beta.ppf(np.exp(-T), n - k + 1, k), stats.beta.isf(np.exp(-T), n - k + 1, k)
    low, high = ((n + 2) * p1 - 1) / n, min(1.0, ((n + 2) * p2 - 1) / n)
    g = k / n
    print((n, k, T, low, high, high - low, min(g, 1 - high) + min(g, low) + 0.1 * (high - low)))

print("# fdr")
p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.205, 0.76, 0.9]
print(stats.false_discovery_control(p, method="bh").tolist())

print("# platt and isotonic")
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression
s = np.array([0.1, 0.4, 0.35, 0.8, 1.5, 2.0, 2.2, 3.0, 0.9, 2.6])
y = np.array([0, 0, 0, 0, 1, 0, 1, 1, 0, 1])
print(_sigmoid_calibration(s, y))
iso = IsotonicRegression(out_of_bounds="clip").fit(s, y)
print(iso.predict([0.0, 1.0, 1.7, 2.1, 2.4, 9.0]).tolist())
