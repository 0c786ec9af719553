"""Reference values of the tests in crates/decide. Run: python values.py
Made with Python 3.11, SciPy 1.17.1, scikit-learn 1.9.1, NumPy 2.4.6, mpmath 1.4.1."""
import mpmath as mp
import numpy as np
from scipy import special, stats

mp.mp.dps = 60


def binomial_tails(n, j, p):
    """P(Binomial(n, p) >= j) and its complement, each summed term by term from j outwards. SciPy's own tails at a
    million trials are off by 1e-12, and it takes p as a double where the tests have an exact fraction."""
    p = mp.mpf(p)
    first = mp.exp(mp.loggamma(n + 1) - mp.loggamma(j + 1) - mp.loggamma(n - j + 1)
                   + j * mp.log(p) + (n - j) * mp.log(1 - p))
    upper, term, i = mp.mpf(0), first, j
    while i <= n and term > mp.mpf(10) ** -45 * upper:
        upper += term
        term *= mp.mpf(n - i) / (i + 1) * p / (1 - p)
        i += 1
    lower, term, i = mp.mpf(0), first * j / (n - j + 1) * (1 - p) / p, j - 1
    while i >= 0 and term > mp.mpf(10) ** -45 * lower:
        lower += term
        term *= mp.mpf(i) / (n - i + 1) * (1 - p) / p
        i -= 1
    return mp.nstr(upper, 17), mp.nstr(lower, 17)


print("# special: a, b, x -> lower, upper; halves by quadrature, whole numbers as binomial tails")
for a, b, x in [(0.5, 0.5, 0.3), (50, 5, 0.97)]:
    lower = mp.betainc(a, b, 0, x, regularized=True)
    print((a, b, x, mp.nstr(lower, 20), mp.nstr(1 - lower, 20)))
for a, b, x in [(2, 3, 0.25), (900001, 100000, 0.9), (900001, 100000, 0.902), (900001, 100000, 0.898),
                (3, 10**6, 5e-6), (10**6, 10**6, 0.5003)]:
    print((a, b, x, *binomial_tails(a + b - 1, a, x)))
print("# normal upper tail")
print([(z, stats.norm.sf(z)) for z in [0.0, 1.0, 2.5, 4.0]])
print("# ln_gamma, digamma")
for x in [0.1, 0.5, 1.0, 2.5, 14.9, 100.0, 1e6]:
    print((x, special.gammaln(x), special.digamma(x)))
print("# Clopper-Pearson 90 %")
for c, n in [(3, 50), (0, 20), (50_000, 1_000_000)]:
    print((c, n, stats.beta.ppf(0.05, c, n - c + 1) if c else 0.0, stats.beta.ppf(0.95, c + 1, n - c)))

print("# exceed: n, k, m -> P(anomalous), P(normal) by the formula of Perini et al. 2020")
for n, k, m in [(10, 2, 8), (100, 10, 90), (100, 10, 97), (1000, 50, 900), (1_000_000, 50_000, 950_000),
                (1_000_000, 50_000, 951_000), (1_000_000, 50_000, 948_500), (1_000_000, 10, 999_999)]:
    print((n, k, m, *binomial_tails(n, n - k + 1, mp.mpf(1 + m) / (2 + n))))

print("# exceed, integrated: n, k, m -> P(anomalous)")
for n, k, m in [(10, 2, 8), (100, 10, 91), (100, 10, 97), (1000, 50, 900), (1_000_000, 1000, 999_050)]:
    print((n, k, m, stats.betabinom.cdf(k - 1, n, 1 + n - m, 1 + m)))

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
