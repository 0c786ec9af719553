"""scipy 1.17.1 linkage(method="complete"): distances of merges (compared to 1e-12), and the last three clusters.

Run: python linkage.py, with the versions of xtask/golden-requirements.txt.
"""
import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

i = np.arange(12)
points = np.stack([((i * i * 7 + i * 13) % 101) / 101, ((i**3 + 5 * i) % 89) / 89], axis=1)
tree = linkage(points, method="complete")
print([float(f"{v:.14g}") for v in tree[:, 2]])
print(list(map(int, fcluster(tree, 3, criterion="maxclust"))))
