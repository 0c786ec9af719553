"""ruptures 1.1.10 Pelt and KernelCPD: places of cuts, compared exactly.

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

# KernelCPD, of 32-bit values. It takes squared distances below a hundredth of 1 / gamma as that, which moves no cut here.
bits = np.stack([((i * i * 7 + i * 13) % 101) / 101, ((i * i * i + 5 * i) % 89) / 89], axis=1)
pair = bits.copy()
pair[:, 1] = np.where(i < 110, bits[:, 0], np.where(i < 200, 1 - bits[:, 0], bits[:, 1])) + 0.2 * bits[:, 1]
for name, values in [("kernel of one", x[:, None]), ("kernel of two", pair)]:
    values = values.astype(np.float32).astype(np.float64)
    for min_size, pen, gamma in [(2, 1.5, 1.0), (2, 2.0, 4.0), (5, 4.0, 0.3), (1, 6.0, 4.0), (20, 0.5, 1.0)]:
        cpd = rpt.KernelCPD(kernel="rbf", min_size=min_size, params={"gamma": gamma})
        print(name, min_size, pen, gamma, [int(cut) for cut in cpd.fit(values).predict(pen=pen)[:-1]])
    cost = rpt.costs.CostRbf().fit(values)
    print(name, "gamma", float(cost.gamma))
