"""Golden values of items/: scikit-learn; auprg from meeliskull/prg 73ce510, Python_package/prg/prg.py.

Run as `ranking.py` for scikit-learn alone, `ranking.py FOLDER` with the folder of prg.py for auprg too.
"""
import sys

import numpy as np
import sklearn
from sklearn import metrics

i = np.arange(200)
s = i * 7919 % 101
y = (s + i * 31 % 97 > 140).astype(int)
v = (s > 70).astype(int)  # scores of 66 to 70 abstain, which is no alarm
print("scikit-learn", sklearn.__version__, "anomalies", y.sum(), "alarms", v.sum())
print("auroc", repr(metrics.roc_auc_score(y, s)))
print("ap", repr(metrics.average_precision_score(y, s)))
weight = np.where(y == 1, 1 / y.sum(), 1 / (1 - y).sum())
print("ap_balanced", repr(metrics.average_precision_score(y, s, sample_weight=weight)))
fpr, tpr, _ = metrics.roc_curve(y, s, drop_intermediate=False)
print("fpr_at_95_tpr", repr(fpr[tpr >= 0.95][0]))
print("oracle_f1", repr(max(metrics.f1_score(y, s >= t) for t in np.unique(s))))
print("f1", repr(metrics.f1_score(y, v)))
print("f_beta", repr(metrics.fbeta_score(y, v, beta=2)))
print("mcc", repr(metrics.matthews_corrcoef(y, v)))
print("precision", repr(metrics.precision_score(y, v)))
print("recall", repr(metrics.recall_score(y, v)))
print("g_mean", repr(np.sqrt(metrics.recall_score(y, v) * metrics.recall_score(y, v, pos_label=0))))
if len(sys.argv) > 1:
    sys.path.insert(0, sys.argv[1])
    np.alen = lambda a: len(a) if hasattr(a, "__len__") else 1  # gone from numpy
    import prg
    print("auprg", repr(prg.calc_auprg(prg.create_prg_curve(y, s.astype(float)))))
