"""The tables of docs/synth.md: python3 golden/quality.py ANOMALYST ADBENCH PART, with the command, a folder of ADBench's
classical sets (npz), and one of plant, smote, judge. scikit-learn 1.9.1 and NumPy 2.4.6 learn and measure."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

COMMAND, DATA, PART = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
FOLDER = Path(tempfile.mkdtemp())


def load(name):
    archive = np.load(next(DATA.glob(f"*_{name}.npz")))
    return archive["X"].astype(float), archive["y"].astype(int)


def write(name, x, y=None):
    columns = [f"c{j}" for j in range(x.shape[1])]
    if y is not None:
        x, columns = np.column_stack([x, y]), columns + ["label"]
    np.savetxt(FOLDER / name, x, delimiter=",", header=",".join(columns), comments="", fmt="%.17g")
    return str(FOLDER / name)


def read(path):
    with open(path) as file:
        names = file.readline().strip().split(",")
    return names, np.genfromtxt(path, delimiter=",", skip_header=1)


def anomalyst(*args):
    subprocess.run([COMMAND, *map(str, args)], check=True, capture_output=True, text=True)


def types(x):
    # Numbers, whatever they look like.
    return ",".join(f"c{j}=number" for j in range(x.shape[1]))


def plant():
    methods = ["gaussian_mixture", "k_nearest_neighbors", "local_outlier_factor", "isolation_forest", "ecod"]
    names = ["thyroid", "cardio", "WDBC", "Waveform", "breastw", "Pima"]
    for kind in ["local", "global", "cluster", "dependency"]:
        found = {}
        for name in names:
            x, y = load(name)
            data, out = write("a.csv", x, y), FOLDER / "p.csv"
            anomalyst("synth", data, "--label", "label", "--types", types(x), "--kind", kind, "--out", out)
            results = FOLDER / f"{kind}-{name}.ndjson"
            anomalyst("bench", "--kind", "table", "--data", out, "--methods", ",".join(methods), "--protocol", "fit", "--metrics", "auroc", "--out", results)
            for line in results.read_text().splitlines():
                row = json.loads(line)
                found.setdefault(row["method"], []).append(row.get("auroc", float("nan")))
        print(kind, {method: round(float(np.mean(values)), 3) for method, values in found.items()}, flush=True)


def smote():
    for name in ["thyroid", "satimage-2", "cardio", "PageBlocks", "Waveform", "letter", "optdigits", "WDBC", "landsat", "vertebral"]:
        x, y = load(name)
        x = x / np.where(x.std(0) > 0, x.std(0), 1)
        found = []
        for seed, (train, test) in enumerate(StratifiedShuffleSplit(10, test_size=0.5, random_state=0).split(x, y)):
            data = write("a.csv", x[train], y[train])
            n_odd = y[train].sum()
            n_normal = len(train) - n_odd

            def auroc(factor):
                keep = min(1.0, factor * n_odd / n_normal)
                anomalyst("synth", data, "--label", "label", "--types", types(x), "--kind", "smote", "--keep", keep, "--seed", seed, "--out", FOLDER / "o.csv")
                names, rows = read(FOLDER / "o.csv")
                model = GaussianNB().fit(rows[:, : x.shape[1]], rows[:, names.index("label")])
                scores = model.predict_joint_log_proba(x[test])
                return roc_auc_score(y[test], scores[:, 1] - scores[:, 0])

            found.append((auroc(1), auroc(min(5, n_normal / n_odd))))
        under, both = np.array(found).T
        gain = both - under
        print(f"| {name} | {n_odd} | {under.mean():.3f} | {both.mean():.3f} | {gain.mean():+.3f} ± {gain.std() / 10**0.5:.3f} |", flush=True)


def judge():
    methods = ["k_nearest_neighbors", "isolation_forest", "gaussian_mixture"]
    table = []
    for name in ["cardio", "annthyroid", "breastw", "thyroid", "satellite", "satimage-2", "Pima", "Waveform"]:
        x, y = load(name)
        random = np.random.default_rng(1)
        odd, normal = random.permutation(np.where(y == 1)[0]), random.permutation(np.where(y == 0)[0])
        q = min(100, len(odd) // 3)
        train, rest = (normal[:1000], normal[1000:]) if len(normal) > 1000 + 2 * q else (normal[: -2 * q], normal[-2 * q :])
        known, odd = odd[:5], odd[5:]
        mean, std = x[train].mean(0), x[train].std(0)
        z = (x - mean) / np.where(std > 1e-3, std, 1)
        # As good rows that many real anomalies; as bad ones normal rows, and rows 20 or 40 deviations from the middle.
        absurd = random.uniform(-1, 1, (q, x.shape[1])) * random.choice([20, 40], (q, 1))
        pool = np.concatenate([z[odd[:q]], z[rest[:q]], absurd])
        good = np.arange(3 * q) < q
        test = np.concatenate([rest[q:], odd[q:]])

        def learned(chosen):
            rows = np.concatenate([z[train], pool[chosen]])
            labels = np.concatenate([np.zeros(len(train)), np.ones(len(chosen))])
            models = [RandomForestClassifier(n_estimators=200, random_state=0), KNeighborsClassifier(10)]
            scores = [model.fit(rows, labels).predict_proba(z[test])[:, 1] for model in models]
            return [roc_auc_score(y[test], s) for s in scores]

        row = []
        for n_known in [0, 5]:
            data = write("a.csv", np.concatenate([z[train], z[known[:n_known]]]), np.r_[np.zeros(len(train)), np.ones(n_known)])
            path = write("pool.csv", pool)
            for method in methods:
                anomalyst("synth", data, "--label", "label", "--types", types(x), "--judge", path, "--method", method, "--out", FOLDER / "j.csv")
                names, judged = read(FOLDER / "j.csv")
                order = judged[:, 0].astype(int) - 1
                quality = np.empty(len(pool))
                quality[order] = judged[:, 1]
                row.append(roc_auc_score(good, quality))
                if method == methods[0] and n_known == 0:
                    row_learned = learned(np.arange(3 * q)) + learned(order[: 3 * q // 2])
        table.append(row + row_learned)
        print(f"| {name} | " + " | ".join(f"{v:.3f}" for v in table[-1]) + " |", flush=True)
    print("| mean | " + " | ".join(f"{v:.3f}" for v in np.mean(table, 0)) + " |")


{"plant": plant, "smote": smote, "judge": judge}[PART]()
