"""Golden values of src/groups: scikit-learn, scipy, and the evaluators of logpai/loghub-2.0 (folder as argument)."""
import json, sys, types
import numpy as np, pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

f = [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4]
t = [5, 5, 5, 1, 1, 1, 0, 0, 0, 2, 3, 3]
c = contingency_matrix(t, f)
f1 = 2 * c / (c.sum(1, keepdims=True) + c.sum(0, keepdims=True))
rows, columns = linear_sum_assignment(c + f1 / (len(c) + 1), maximize=True)
out = dict(nmi=normalized_mutual_info_score(t, f), ari=adjusted_rand_score(t, f), f1=f1[rows, columns].sum() / len(c))

sys.modules["tqdm"] = types.SimpleNamespace(tqdm=lambda x: x)  # the evaluators only show progress with it
for name in ("evaluation", "evaluation.utils", "evaluation.utils.common"):
    sys.modules[name] = types.SimpleNamespace(is_abstract=None)
sys.path.insert(0, sys.argv[1])
import evaluator, PA_calculator, template_level_analysis as level
found = ["a <*>"] * 3 + ["b <*>"] * 2 + ["b c"] + ["d"] * 2 + ["e <*>"] * 2 + ["f"]
truth = ["a <*>"] * 3 + ["b <*>"] * 3 + ["d x"] * 2 + ["e <*>"] + ["g"] + ["f"]
frames = [pd.DataFrame({"EventTemplate": x, "Content": x}) for x in (truth, found)]
out["ga"], out["fga"] = evaluator.evaluate(*frames)
out["pa"] = PA_calculator.calculate_parsing_accuracy(*frames)
out["fta"] = level.evaluate_template_level("", *frames)[2]
print(json.dumps({k: float(v) for k, v in out.items()}))
