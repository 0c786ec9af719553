"""statsmodels 0.15.0 STL and MSTL: season, trend and weight at a few points; compared to 1e-6 (they agree to 1e-9).

Run: python stl.py, with the versions of xtask/golden-requirements.txt.
"""
import numpy as np
from statsmodels.tsa.seasonal import MSTL, STL

i = np.arange(150)
y = 0.02 * i + np.array([3, 1, -2, 0, 4, -1, -3.0])[i % 7] * (1 + i / 300) + ((i * i * 7 + i * 13) % 101) / 101 + np.cos(i / 17)
y[[40, 41, 90]] += [15, -9, 12]
AT = [0, 3, 40, 77, 90, 148, 149]


def show(name, result):
    season = np.asarray(result.seasonal).reshape(len(y), -1).T
    for what, values in [*((f"season {k}", s) for k, s in enumerate(season)), ("trend", result.trend), ("weight", result.weights)]:
        print(name, what, [float(f"{v:.12g}") for v in np.asarray(values)[AT]])


show("plain", STL(y, period=7).fit())
show("robust", STL(y, period=7, robust=True).fit())
show("jumps", STL(y, period=7, seasonal=13, robust=True, seasonal_jump=2, trend_jump=3, low_pass_jump=4).fit(inner_iter=1, outer_iter=3))
show("constants", STL(y, period=7, trend=21, low_pass=9, seasonal_deg=0, trend_deg=0, low_pass_deg=0, trend_jump=2).fit())
show("short", STL(y, period=70, robust=True).fit())
show("mstl", MSTL(y, periods=(30, 7), stl_kwargs={"robust": True}).fit())
