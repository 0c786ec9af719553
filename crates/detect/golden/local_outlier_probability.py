"""PyNomaly 0.4.0 LocalOutlierProbability (extent=3): probabilities of its training rows."""
import numpy as np
from PyNomaly import loop

i = np.arange(30)
X = np.stack([(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i**3 + 5) % 89], axis=1)  * [64, 37, 41] / 1024.0
X[29] = [20, -3, 9]
for k in [4, 20]:
    model = loop.LocalOutlierProbability(X, extent=3, n_neighbors=k).fit()
    own = model.local_outlier_probabilities.astype(float)
    print(k, [float(f"{s:.9g}") for s in own[[0, 3, 7, 11, 15, 20, 29]]])
