"""Golden values of src/compare: scipy, statsmodels, and the DeLong script of yandexdataschool/roc_comparison."""
import sys
import numpy as np, scipy, scipy.stats as st, statsmodels
from statsmodels.stats.multitest import multipletests
print("scipy", scipy.__version__, "statsmodels", statsmodels.__version__)
print("holm", multipletests([0.01, 0.04, 0.03, 0.005, 0.6], method="holm")[1].tolist())
d = [1.5, -0.5, 2.5, 3.0, -1.0, 4.0, 0.25, 5.0]
print("exact", st.wilcoxon(d, method="exact"))
t = [1, -1, 2, 2, 3, -2, 4, 5, 5, 0]
print("ties", st.wilcoxon(t, method="asymptotic"))
b = [[0.9, 0.8, 0.7], [0.6, 0.6, 0.5], [0.7, 0.75, 0.2], [0.95, 0.9, 0.9], [0.5, 0.4, 0.3], [0.8, 0.7, 0.75]]
print("friedman", st.friedmanchisquare(*np.array(b).T))
print("q", [st.studentized_range.ppf(0.95, k, np.inf) for k in (3, 12, 50)])
v = [0.9, 0.85, 0.4, 0.95, 0.7, 0.88, 0.92, 0.6]
print("bca", st.bootstrap((v,), np.mean, n_resamples=200000, method="BCa", random_state=0).confidence_interval)
print("chi2", st.chi2.sf(30, 12), st.norm.sf(5.5))
if len(sys.argv) > 1:  # the path of the script's folder
    sys.path.insert(0, sys.argv[1])
    import compare_auc_delong_xu as xu
    y = np.array([1, 0, 0, 1, 1, 0, 0, 1, 0, 0])
    s = np.array([[.9, .2, .5, .6, .5, .5, .1, .8, .7, .3], [.4, .3, .2, .9, .6, .6, .5, .7, .1, .2]])
    order, n_odd = (-y).argsort(kind="stable"), int(y.sum())
    print("delong", *[x.tolist() for x in xu.fastDeLong(s[:, order], n_odd)])
    print("log10 p", xu.delong_roc_test(y, s[0], s[1]))
