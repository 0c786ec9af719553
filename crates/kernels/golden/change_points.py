"""ruptures 1.1.10 Pelt: places of cuts, compared exactly.

Run: python change_points.py, with the versions of xtask/golden-requirements.txt.
"""
import numpy as np
import ruptures as rpt

i = np.arange(300)
bit = ((i * i * 7 + i * 13) % 101) / 101 + ((i * i * i + 5 * i) % 89) / 89 - 1
levels = [(0, 0.0, 1.0), (60, 2.0, 1.0), (61, 0.0, 1.0), (130, 0.6, 1.0), (170, 0.6, 4.0), (240, -1.0, 0.3)]
x = np.zeros(300)
for start, level, size in levels:
    x[start:] = level + size * bit[start:]
for min_size, pen in [(1, 8.0), (2, 4.0), (3, 4.0), (10, 2.0)]:
    cuts = rpt.Pelt(model="l2", min_size=min_size, jump=1).fit_predict(x, pen)
    print("mean", min_size, pen, cuts[:-1])
for min_size, pen in [(3, 16.0), (10, 10.0), (20, 30.0)]:
    cost = rpt.costs.CostNormal(add_small_diag=False)
    cuts = rpt.Pelt(custom_cost=cost, min_size=min_size, jump=1).fit_predict(x, pen)
    print("normal", min_size, pen, cuts[:-1])
