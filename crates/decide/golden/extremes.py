"""Numbers in the tests of extremes/pareto.rs and extremes/dependence.rs. Run: python extremes.py
Made with Python 3.11, SciPy 1.17.1, NumPy 2.4.6. `genpareto.fit` stops early; its likelihood is followed to the end."""
import numpy as np, scipy
from scipy.optimize import minimize
from scipy.stats import genpareto

print(scipy.__version__, np.__version__)


def fit(y):
    c, _, s = genpareto.fit(y, floc=0)
    f = lambda v: genpareto.nnlf((v[0], 0, np.exp(v[1])), y)
    best = None
    for start in [(c, np.log(s)), (0.1, np.log(np.mean(y))), (-0.2, np.log(np.mean(y)))]:
        v = start
        for _ in range(5):
            v = minimize(f, v, method="Nelder-Mead", options={"xatol": 1e-12, "fatol": 1e-14, "maxiter": 20000}).x
        if best is None or f(v) < f(best):
            best = v
    return best[0], np.exp(best[1])


n = 50
for shape, scale in [(0.4, 2.0), (0.0, 1.0), (-0.3, 5.0), (1.2, 1.0)]:
    p = (np.arange(n) + 0.5) / n
    y = genpareto.isf(p, shape, scale=scale)
    print("ideal", n, shape, scale, *map(repr, map(float, fit(y))))
y = [0.2, 0.5, 0.9, 1.4, 2.1, 3.5, 0.05, 7.7, 0.33, 1.01]
print("list", *map(repr, map(float, fit(y))))

# The intervals estimator by its formula (Ferro and Segers 2003), on exceedance positions.
for at in [[0, 1, 2, 50, 51, 120, 121, 122, 300], [0, 1, 3, 4, 6], [3, 10, 30, 60]]:
    t = np.diff(at).astype(float)
    if t.max() <= 2:
        theta = min(1, 2 * t.sum() ** 2 / (len(t) * (t**2).sum()))
    else:
        theta = min(1, 2 * (t - 1).sum() ** 2 / (len(t) * ((t - 1) * (t - 2)).sum()))
    print(at, repr(float(theta)))
