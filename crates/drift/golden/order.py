"""cleanlab 2.9.0 NonIIDIssueManager, scikit-learn 1.9.1 NearestNeighbors: statistic and scores of 60 drifting rows.

The manager is used without its Datalab, which needs a data set library: only the two deterministic steps are called.
"""
import numpy as np
from cleanlab.datalab.internal.issue_manager.noniid import NonIIDIssueManager
from sklearn.neighbors import NearestNeighbors

i = np.arange(60)
X = np.stack([(i * 0.618034) % 1 + i / 40, (i * i * 0.414214) % 1], axis=1).astype(np.float32)
near = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(X).kneighbors(return_distance=False)
manager = object.__new__(NonIIDIssueManager)
manager.N, manager.background_distribution = 60, None
manager.neighbor_index_distances = np.abs(i[:, None] - near)
print(float(f"{manager._get_statistics(manager.neighbor_index_distances)['ks']:.9g}"))
print([float(f"{s:.9g}") for s in manager._score_dataset()[[0, 1, 7, 29, 30, 31, 58, 59]]])
