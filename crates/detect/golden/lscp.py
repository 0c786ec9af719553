"""PyOD 3.6.7 LSCP over four LOFs, with regions in all columns, so that nothing is random: 30 training rows scored as
new ones, and four new rows.

`local_max_features` equal to the least share makes PyOD use all columns in all 20 iterations.
"""
import warnings

import numpy as np
from pyod.models.lof import LOF
from pyod.models.lscp import LSCP

warnings.simplefilter("ignore")
i = np.arange(60)
X = np.stack([(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i**3 + 5) % 89, (17 * i * i + 3 * i) % 83], axis=1)
X = X * [64, 37, 41, 53] / 1024.0
X[59] = [20, -3, 9, 1]
new = np.array([[1, 2, 3, 4], [-10, 0, 0, 0], [4, 4, 2, 2], [3, 3, 3, 9]], dtype=float)
for bins in [10, 2]:
    lscp = LSCP([LOF(n_neighbors=k) for k in [3, 6, 10, 15]], local_region_size=12, local_max_features=0.5, n_bins=bins)
    lscp.fit(X)
    scores = np.r_[lscp.decision_scores_[:30], lscp.decision_function(new)]
    print(bins, [float(f"{s:.7g}") for s in scores])
