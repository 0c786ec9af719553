"""benford_py 0.5.0 with pandas 3.1.1, SciPy 1.17.1 (chi2.sf), NumPy: tests of 2,000 made-up amounts in cents.

Growth of 0.7 % each, every ninth rounded to tens, and 40 times 49.99.
"""
import contextlib
import io
import sys
import numpy as np
from scipy.stats import chi2, chisquare

sys.path.pop(0)  # This script is not the package of its name.
with contextlib.redirect_stdout(io.StringIO()):
    import benford as bf

    i = np.arange(1960)
    x = np.round(10 * 1.007 ** (i % 990) * (1 + (i * 7919 % 1000) / 1e4), 2)
    x[i % 9 == 0] = np.round(x[i % 9 == 0] / 10) * 10
    x = np.concatenate([x, np.full(40, 49.99)])
    source = bf.Benford(x, decimals=2, confidence=95)
for name in ("F1D", "F2D"):
    t = getattr(source, name)
    stats = (t.chi_square, chi2.sf(t.chi_square, len(t) - 1), t.MAD)
    print(name, len(t), t.Counts.sum(), [float(f"{s:.9g}") for s in stats])
    groups = [g for g in (1, 9, 10, 49, 99) if g in t.index]
    print([(int(g), int(t.Counts[g]), float(f"{t.Z_score[g]:.9g}")) for g in groups])
# benford_py cuts 1.15 off to 114 cents, which shifts last digits; these are rounded.
last = np.bincount(np.rint(x * 100).astype(int) % 100, minlength=100)
z = (np.abs(last / 2000 - 0.01) - 1 / 4000) / np.sqrt(0.01 * 0.99 / 2000)
stats = (*chisquare(last), np.abs(last / 2000 - 0.01).mean())
print("L2D", [float(f"{s:.9g}") for s in stats], [(g, int(last[g]), float(f"{z[g]:.9g}")) for g in (0, 10, 99)])
# The summation test of benford_py 0.5.0 fails with pandas 3, so it and duplicates come from NumPy.
two = np.array([int(f"{v:e}".replace(".", "")[:2]) for v in x])
shares = np.array([x[two == g].sum() for g in range(10, 100)]) / x.sum()
print([(g, float(f"{shares[g - 10]:.9g}")) for g in (10, 49, 99)], float(f"{np.abs(shares - 1 / 90).mean():.9g}"))
values, counts = np.unique(x, return_counts=True)
print([(float(values[k]), int(counts[k])) for k in np.argsort(-counts, kind="stable")[:3]])
