"""Golden values of the metrics of maps, on the maps of `golden_maps` in src/pixels/testing.rs.

python pixels.py MVTEC ANOMALIB

MVTEC holds pro_curve_util.py and generic_util.py of MVTec's evaluation code (MVTec 3D-AD, 2022), ANOMALIB is a checkout
of anomalib 2.1 (commit 161bb36). Made with Python 3.11, numpy 1.26, scipy 1.17, scikit-learn 1.9, torch 1.13.1,
torchmetrics 1.2.1, opencv 4.8.1.
"""

import importlib
import sys
import types

import numpy as np
import torch
import torchmetrics.functional.classification
from scipy.ndimage import label
from sklearn.metrics import average_precision_score, f1_score, jaccard_score, roc_auc_score


def golden_maps(n_maps, width, height):
    state, maps, masks = 12345, [], []
    for i in range(n_maps):
        mask = np.zeros((height, width), bool)
        if i % 2 == 1:
            for left, top, wide, high in [(2 + i, 3, 5, 4), (7 + i, 7, 3, 2 + i), (width - 6, height - 5, 4, 3)]:
                mask[top : top + high, left : left + wide] = True
        scores = np.zeros(width * height, np.float32)
        for at, odd in enumerate(mask.ravel()):
            state = (state * 1664525 + 1013904223) % 2**32
            scores[at] = (state >> 22) + (300 if odd else 0)
        maps.append(scores.reshape(height, width))
        masks.append(mask)
    return np.array(maps), np.array(masks)


def package(name, path):
    module = types.ModuleType(name)
    module.__path__ = [path]
    sys.modules[name] = module


def anomalib_metrics(checkout):
    """The files of the metrics alone: the package as a whole needs much more than they do."""
    root = f"{checkout}/src/anomalib"
    for name, path in [("anomalib", root), ("anomalib.metrics", f"{root}/metrics"),
                       ("anomalib.metrics.pimo", f"{root}/metrics/pimo"), ("anomalib.utils", f"{root}/utils"),
                       ("anomalib.utils.cv", f"{root}/utils/cv")]:
        package(name, path)
    for name, has in [("kornia", ""), ("kornia.contrib", "connected_components"), ("matplotlib", ""),
                      ("matplotlib.figure", "Figure"), ("anomalib.metrics.plotting_utils", "plot_figure"),
                      ("anomalib.metrics.base", "AnomalibMetric"), ("anomalib.metrics.pro", "")]:
        sys.modules[name] = types.ModuleType(name)
        setattr(sys.modules[name], has or "unused", type(has or "Unused", (), {}))
    components = importlib.import_module("anomalib.utils.cv.connected_components")
    for function in ["connected_components_cpu", "connected_components_gpu"]:
        setattr(sys.modules["anomalib.metrics.pro"], function, getattr(components, function))
    pimo = importlib.import_module("anomalib.metrics.pimo.functional")
    # `any` over two axes needs torch 2.
    for module in [pimo, importlib.import_module("anomalib.metrics.pimo._validate")]:
        module.images_classes_from_masks = lambda masks: (masks == 1).flatten(1).any(1).to(torch.int32)
    return importlib.import_module("anomalib.metrics.aupro"), pimo


def instance_ap(maps, masks, threshold, min_iou):
    """Every predicted component against every defect; precision at each hit, scikit-learn's steps."""
    confidences, hits, n_defects = [], [], 0
    for scores, mask in zip(maps, masks):
        truth, n_truth = label(mask, np.ones((3, 3)))
        found, n_found = label(scores >= threshold, np.ones((3, 3)))
        n_defects += n_truth
        for i in range(1, n_found + 1):
            ious = [((found == i) & (truth == j)).sum() / ((found == i) | (truth == j)).sum()
                    for j in range(1, n_truth + 1)]
            confidences.append(scores[found == i].max())
            hits.append(max(ious, default=0) > min_iou)
    return average_precision_score(hits, confidences) * sum(hits) / n_defects


def main():
    sys.path.insert(0, sys.argv[1])
    pro, generic = importlib.import_module("pro_curve_util"), importlib.import_module("generic_util")
    aupro, pimo = anomalib_metrics(sys.argv[2])
    maps, masks = golden_maps(6, 32, 24)
    fprs, pros = pro.compute_pro(list(maps), list(masks.astype(int)))
    for limit in [0.3, 0.05, 1.0]:
        print("aupro", limit, repr(generic.trapezoid(fprs, pros, x_max=limit) / limit))
    metric = aupro._AUPRO(fpr_limit=0.3)
    # torchmetrics squashes scores outside 0 to 1 through a 32-bit logistic curve, so they are scaled first.
    metric.update(torch.tensor(maps / 2048), torch.tensor(masks.astype(int)))
    print("aupro of anomalib", metric.compute().item())
    # Limits that the shared rate takes, and a threshold for each whole number that a score can be.
    normal = np.sort(maps[::2].ravel())[::-1]
    low, high = [np.mean(normal >= normal[rank]) for rank in (20, 400)]
    n = int(normal[0] - normal[-1]) + 1
    *_, values, _ = pimo.aupimo_scores(torch.tensor(maps), torch.tensor(masks), n, (low, high))
    print("aupimo", low * normal.size, high * normal.size, [repr(v) for v in values.tolist()])
    for threshold in [700, 1000]:
        flagged = (maps >= threshold).ravel()
        print("f1", threshold, repr(f1_score(masks.ravel(), flagged)), repr(jaccard_score(masks.ravel(), flagged)))
    smooth = maps + 1000 * masks
    smooth[1, 3:5, 3:8] = 0
    smooth[3, 20, 2] = 5000
    for threshold, min_iou in [(1100, 0.5), (1300, 0.5), (1300, 0.9), (1200, 0.75)]:
        print("instance_ap", threshold, min_iou, repr(instance_ap(smooth, masks, threshold, min_iou)))
    print("sklearn", repr(roc_auc_score(masks.ravel(), maps.ravel())),
          repr(average_precision_score(masks.ravel(), maps.ravel())))


main()
