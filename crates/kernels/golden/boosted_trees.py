"""shap 0.51.0 TreeExplainer, path-dependent: Shapley values of a full tree of depth 5 over four columns, most of which a path
splits by more than once (compared to 1e-9).

Run: python boosted_trees.py, with the versions of xtask/golden-requirements.txt.
"""
import numpy as np
import shap

inner, n = 31, 63
i = np.arange(n)
is_leaf = i >= inner
cover = np.zeros(n)
cover[inner:] = (i[inner:] * 37) % 11 + 1
for k in reversed(range(inner)):
    cover[k] = cover[2 * k + 1] + cover[2 * k + 2]
tree = {
    "children_left": np.where(is_leaf, -1, 2 * i + 1),
    "children_right": np.where(is_leaf, -1, 2 * i + 2),
    "children_default": np.where(is_leaf, -1, 2 * i + 2),
    "features": np.where(is_leaf, -2, (i * 7 + 3) % 4),
    # shap goes left at the threshold itself, hence the halves.
    "thresholds": np.where(is_leaf, 0.0, (i * 5) % 7 + 0.5),
    "values": np.where(is_leaf, (i * i * 13) % 29 / 8.0, 0.0).reshape(-1, 1),
    "node_sample_weight": cover,
}
rows = np.array([[(k * (j + 2) * 3 + j) % 8 for j in range(4)] for k in range(6)], dtype=float)
explainer = shap.TreeExplainer({"trees": [tree]}, feature_perturbation="tree_path_dependent")
print(shap.__version__, float(f"{float(np.ravel(explainer.expected_value)[0]):.12g}"))
for row in explainer.shap_values(rows):
    print([float(f"{v:.12g}") for v in np.ravel(row)])
