"""Golden values of the metrics of series and of the dominant period.

Tools: TSB-AD 1.5 (vus_*, event_f1, point_adjusted_f1, dominant_period, affiliation_*, whose authors' code it holds),
prts 1.0.0.3 (range_*), PATE 0.1.1 (pate), numenta/NAB ea702d7 nab/sweeper.py (nab_*).
Run: python series.py [PART ..], with the packages and NAB's nab folder on PYTHONPATH; numpy, scipy, statsmodels and
scikit-learn below 1.6 (PATE imports a private function of it) installed.
"""
import numpy as np


def fixture(n, runs, score):
    label = np.zeros(n, dtype=int)
    for a, b in runs:
        label[a:b] = 1
    return label, np.array([score(i, label[i]) for i in range(n)], dtype=float)


FIXTURES = [
    fixture(300, [(40, 60), (100, 103), (150, 180), (183, 190)], lambda i, l: (i*i*7 + i*13) % 101 / 101 + 0.4*l),
    fixture(200, [(0, 10), (190, 200)], lambda i, l: (i*i*3 + i*5) % 7 + 2.0*l),
    fixture(500, [(50, 55), (60, 66), (70, 71), (300, 340)], lambda i, l: (i*i*11 + i) % 251 / 251 + 0.2*l),
    fixture(120, [(30, 45)], lambda i, l: (i*37) % 50 / 100 + (0.6 if 38 <= i < 53 else 0.0)),
]
ALARMS_ABOVE = [0.9, 4.5, 0.9, 0.45]


def show(name, values):
    print(name, [float(v) for v in values])


def vus():
    from TSB_AD.evaluation.basic_metrics import generate_curve
    for window in (0, 1, 10, 35):
        got = [generate_curve(l, s, window, "opt", 250)[-2:] for l, s in FIXTURES]
        show(f"vus_roc {window}", [g[0] for g in got])
        show(f"vus_pr {window}", [g[1] for g in got])
    got = [generate_curve(l, s, 10, "opt", 20)[-2:] for l, s in FIXTURES]
    show("vus_roc 10, 20 thresholds", [g[0] for g in got])


def period():
    from TSB_AD.utils.slidingWindows import find_length_rank
    def wave(n, period, noise):
        return np.array([np.sin(2*np.pi*i/period) + noise*((i*i*7 + i*13) % 101/101 - 0.5) for i in range(n)])
    cases = [(1000, 24.0, 0.5), (30000, 97.3, 1.0), (2000, 350.0, 0.0), (500, 5.0, 0.2), (40, 12.0, 0.1),
             (700, 6.5, 4.0)]
    show("dominant_period", [find_length_rank(wave(*c), rank=1) for c in cases])


def alarms():
    return [(l, s, (s > above).astype(int)) for (l, s), above in zip(FIXTURES, ALARMS_ABOVE)]


def tsb_ad():
    from TSB_AD.evaluation.basic_metrics import basic_metricor
    grader = basic_metricor()
    show("point_adjusted_f1", [grader.metric_PointF1PA(l, s, preds=a) for l, s, a in alarms()])
    show("oracle_point_adjusted_f1",
         [max(grader.metric_PointF1PA(l, s, preds=(s >= t).astype(int)) for t in set(s)) for l, s, _ in alarms()])
    show("event_f1", [grader.metric_EventF1PA(l, s, preds=a) for l, s, a in alarms()])
    from TSB_AD.evaluation.affiliation.generics import convert_vector_to_events as events
    from TSB_AD.evaluation.affiliation.metrics import pr_from_events
    got = [pr_from_events(events(a), events(l), (0, len(l))) for l, _, a in alarms()]
    show("affiliation_precision", [g["Affiliation_Precision"] for g in got])
    show("affiliation_recall", [g["Affiliation_Recall"] for g in got])


def ranges():
    from prts import ts_precision, ts_recall
    for alpha, cardinality, bias in [(0, "one", "flat"), (0.2, "reciprocal", "front"),
                                     (0.5, "reciprocal", "middle"), (0, "one", "back")]:
        how = dict(alpha=alpha, cardinality=cardinality, bias=bias)
        show(f"range_precision {how}", [ts_precision(l, a, **how) for l, _, a in alarms()])
        show(f"range_recall {how}", [ts_recall(l, a, **how) for l, _, a in alarms()])


def pate():
    from pate.PATE_metric import PATE
    for early, delay, splits, thresholds in [(100, 100, 1, 250), (5, 30, 3, 250), (0, 15, 2, 20)]:
        got = [PATE(l, s, early, delay, num_desired_thresholds=thresholds, num_splits_MaxBuffer=splits)
               for l, s in FIXTURES]
        show(f"pate {early} {delay} {splits} {thresholds}", got)


def nab():
    from sweeper import Sweeper
    profiles = [("standard", 1.0, 0.11, 1.0), ("low_fp", 1.0, 0.22, 1.0), ("low_fn", 1.0, 0.11, 2.0)]
    for name, tp, fp, fn in profiles:
        got = []
        for label, _, alarm in alarms():
            if label[70] and not label[71]:
                got.append(np.nan)  # NAB divides by zero after a window of one point
                continue
            edges = np.flatnonzero(np.diff(np.concatenate([[0], label, [0]])))
            windows = [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2])]
            sweeper = Sweeper(0.15, dict(tpWeight=tp, fpWeight=fp, fnWeight=fn))
            def raw(scores):
                return sweeper.scoreDataSet(list(range(len(label))), [float(s) for s in scores], windows, "x", 0.5)[1]
            null = raw(0*label).score
            got.append(100*(raw(alarm).score - null)/(tp*null/-fn - null))
        show(f"nab_{name}", got)


if __name__ == "__main__":
    import sys
    for part in sys.argv[1:] or ["vus", "period", "tsb_ad", "ranges", "pate", "nab"]:
        globals()[part]()
