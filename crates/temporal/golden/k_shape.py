"""tslearn 0.10.0 KShape and its distance: shape-based distances (compared to 1e-9), one extraction of a
shape (1e-7), and clusters from the same first centres (labels equal, centres to 1e-6).

Run: python k_shape.py, with tslearn and the versions of xtask/golden-requirements.txt.
"""
import numpy as np
from tslearn.clustering import KShape
from tslearn.metrics import cdist_normalized_cc


m = 16


def row(i):
    t = np.arange(m)
    kinds = [np.sin(2 * np.pi * (t + i) / 16), np.where((t + 3 * i) % 16 < 4, 1.0, 0.0), ((t + 2 * i) % 16) / 16.0]
    x = kinds[i % 3] + 0.3 * ((t * t * 7 + t * 13 + i * 29) % 101) / 101
    return (x - x.mean()) / x.std()


rows = np.array([row(i) for i in range(18)])[:, :, None]
norms = np.linalg.norm(rows, axis=(1, 2))
d = 1 - cdist_normalized_cc(rows[:3], rows[3:6], norms1=norms[:3], norms2=norms[3:6], self_similarity=False)
print("distances", [[float(f"{v:.12g}") for v in line] for line in d])
one = KShape(n_clusters=1, init=rows[:1].copy(), max_iter=1)
one.norms_, one.labels_, one.cluster_centers_ = norms, np.zeros(18, int), rows[:1].copy()
one.norms_centroids_ = norms[:1]
one._update_centroids(rows)
print("shape", [float(f"{v:.12g}") for v in one.cluster_centers_[0, :, 0]])
three = KShape(n_clusters=3, init=rows[:3].copy(), max_iter=100).fit(rows)
print("labels", list(map(int, three.labels_)))
print("centres", [[float(f"{v:.12g}") for v in c[[0, 5, 15], 0]] for c in three.cluster_centers_])
