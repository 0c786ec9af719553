"""Densities, balls and posteriors of the authors' code on small sets, for src/posterior/tests.rs.

python3 golden/eap.py REPOSITORY, where REPOSITORY is a checkout of github.com/Lorenzo-Perini/ExpectedAnomalyPosterior.
Run with NumPy 2.x and SciPy 1.17.1. PyTorch, of which only distances are used, and the framework around are replaced by
stand-ins; the subset and the detector's certainties are fixed instead of drawn.
"""

import contextlib
import importlib.util
import sys
import types

import numpy as np
from scipy.spatial.distance import cdist

PATH = sys.argv[1] + "/opendataval/dataval/uncertainty/"


class Tensor(np.ndarray):
    def cpu(self):
        return self

    def detach(self):
        return self

    def numpy(self):
        return np.asarray(self)

    def sort(self, dim):
        return (np.sort(np.asarray(self), axis=dim).view(Tensor),)

    def argsort(self, dim):
        return np.argsort(np.asarray(self), axis=dim).view(Tensor)


def module(name, **content):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__dict__.update(content)


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    loaded = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


decorator = lambda: (lambda f: f)
torch = types.SimpleNamespace
module(
    "torch",
    Tensor=Tensor,
    no_grad=decorator,
    device=lambda name: name,
    manual_seed=lambda seed: None,
    where=np.where,
    cuda=torch(is_available=lambda: False, empty_cache=lambda: None),
)
module("tqdm", tqdm=lambda x: x)
for name in ["opendataval", "opendataval.dataval", "opendataval.dataval.uncertainty"]:
    module(name)
module("opendataval.dataval.api", DataEvaluator=type("A", (), {}), ModelMixin=type("B", (), {}))
module(
    "opendataval.dataval.uncertainty.improved_prec_recall",
    compute_pairwise_distances=lambda a, b=None, device=None: cdist(a, a if b is None else b).view(Tensor),
)
load("opendataval.dataval.uncertainty.rr_score", PATH + "rr_score.py")
EAP = load("eap", PATH + "EAP.py").EAP


class Certain:
    def __init__(self, q):
        self.q = q

    def clone(self):
        return self

    def fit(self, *_):
        return self

    def predict(self, _):
        return self.q.view(Tensor)


def normal_rows(n):
    i = np.arange(n)
    return np.stack([(i * 7 % 11) + 0.25 * (i % 3), (i * i % 13) + 0.125 * (i % 5)], axis=1)


known = np.array([[16.0, 3.0], [5.0, 17.5], [-4.0, -2.0]])
pool = np.array([[5.0, 6.0], [12.5, 6.0], [14.0, 14.0], [-3.0, 5.0], [60.0, 60.0], [3.0, 1.0]])
q = np.array([0.05, 0.6, 0.9, 0.7, 1.0, 0.2])

for n_known in [0, 3]:
    eap = EAP(num_subsets=1, k=5)
    eap.verbose = False
    eap.input_model = eap.input_metric = None
    normal = normal_rows(40)
    x = np.concatenate([normal, known[:n_known]]).view(Tensor)
    y = np.concatenate([-np.ones(40, int), np.ones(n_known, int)]).view(Tensor)
    eap.input_data(x, y, pool.view(Tensor), np.ones(len(pool), int), None, None, None)
    eap.pred_model = Certain(q)
    np.random.uniform = lambda low, high, size: np.full(size, 0.8)
    np.random.binomial = lambda n, p, size: (np.arange(size) % 5 != 3).astype(int)
    with contextlib.redirect_stdout(sys.stderr), np.errstate(divide="ignore"):
        eap.train_data_values()
    print(n_known, [float(f"{v:.12g}") for v in eap.evaluate_data_values()])
