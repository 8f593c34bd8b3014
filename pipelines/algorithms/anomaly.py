"""Detectors for tables: PyOD's, scikit-learn's, and frozen forms of what PyOD scores by batch.

A row's ``needs`` tell the guard what the detector cannot bear: ``distinct`` (repeated rows),
``full_rank`` (dependent columns), ``steady`` (rows exactly on an edge), ``labels`` (it learns from
some). ``limits.sample`` is how many rows it learns from at most, where its cost grows with their
square. Rows on standby take part only when they are named. What is broken upstream is left out:
``docs/reference/detectors.md`` says why.
"""

from __future__ import annotations

from typing import Any

from optuna.distributions import CategoricalDistribution as Choice
from optuna.distributions import FloatDistribution as Float
from optuna.distributions import IntDistribution as Int

from pipelines.algorithms import DISTANCES, Algorithm, Entry, Limits
from pipelines.task import Task

DISTINCT, FULL_RANK, LABELS, STEADY = "distinct", "full_rank", "labels", "steady"
_NEIGHBOURS = {"n_neighbors": Int(5, 60)}


def _detector(key: str, title: str, target: str, complexity: str, **row: Any) -> Algorithm:
    turn, default = row.pop("turn", 90), row.pop("default", {})
    return Algorithm(
        key=key,
        title=title,
        target=target if "." in target else f"pyod.models.{target}",
        task=Task.ANOMALY,
        adapter="detectors",
        complexity=complexity,
        portfolio=(Entry(turn, default),),
        needs=DISTANCES | frozenset(row.pop("bears_no", ())),
        standby=turn == 90,
        tuned=bool(row.get("space")),
        **row,
    )


def _ours(key: str, title: str, target: str, complexity: str, **row: Any) -> Algorithm:
    return _detector(key, title, f"pipelines.anomaly.{target}", complexity, **row)


def _neighbours_in_three(params: dict[str, Any]) -> dict[str, Any]:
    """Return LSCP's own detectors: local outlier factors of three sizes."""
    from pyod.models.lof import LOF

    return {"detector_list": [LOF(n_neighbors=many) for many in (10, 20, 40)], **params}


def _three_kinds(params: dict[str, Any]) -> dict[str, Any]:
    """Return SUOD's detectors: one by density, one by isolation, one by columns."""
    from pyod.models.hbos import HBOS
    from pyod.models.iforest import IForest
    from pyod.models.lof import LOF

    kinds = [LOF(), IForest(random_state=0), HBOS()]
    return {"base_estimators": kinds, **params}


_PYOD = (
    _detector(
        "knn", "Mean distance to the nearest neighbours", "knn:KNN", "rows x log rows", turn=1,
        default={"n_neighbors": 20, "method": "mean"},
        space={"n_neighbors": Int(3, 60), "method": Choice(["largest", "mean", "median"])},
        limits=Limits(rows=200_000),
    ),
    _detector(
        "iforest", "Isolation forest", "iforest:IForest", "trees x rows", turn=2,
        default={"n_estimators": 200, "max_features": 1.0},
        space={"n_estimators": Int(50, 400, log=True), "max_features": Float(0.3, 1.0)},
        explain_with="tree",
    ),
    _detector(
        "mcd", "Robust covariance", "mcd:MCD", "rows x columns^2", turn=3,
        bears_no=(FULL_RANK,), limits=Limits(columns=100, sample=20_000),
    ),
    _detector(
        "lof", "Local outlier factor", "lof:LOF", "rows x log rows", turn=4,
        default={"n_neighbors": 20}, space=_NEIGHBOURS, bears_no=(DISTINCT,),
        limits=Limits(rows=100_000),
    ),
    _detector(
        "hbos", "Histograms", "hbos:HBOS", "rows x columns", turn=5,
        default={"n_bins": 10, "alpha": 0.1},
        space={"n_bins": Int(5, 50), "alpha": Float(0.01, 0.5)}, explain_with="own",
    ),
    _detector(
        "ocsvm", "One-class support vectors", "ocsvm:OCSVM", "rows^2", turn=8,
        default={"nu": 0.5}, space={"nu": Float(0.05, 0.9)}, limits=Limits(sample=5_000),
    ),
    _detector(
        "inne", "Isolation by nearest neighbours", "inne:INNE", "estimators x rows", turn=9,
        default={"n_estimators": 200}, space={"n_estimators": Int(50, 400, log=True)},
        bears_no=(STEADY,), limits=Limits(rows=50_000),
    ),
    _detector(
        "pca", "Distance along the main directions", "pca:PCA", "rows x columns^2", turn=10,
        limits=Limits(columns=1_000),
    ),
    _detector(
        "gmm", "Gaussian mixture", "gmm:GMM", "components x rows x columns^2", turn=11,
        default={"n_components": 5, "reg_covar": 1e-3}, space={"n_components": Int(1, 20)},
        bears_no=(FULL_RANK,), limits=Limits(columns=200),
    ),
    _detector(
        "cblof", "Distance to the large clusters", "cblof:CBLOF", "clusters x rows", turn=12,
        space={"n_clusters": Int(2, 30)},
    ),
    _detector(
        "abod", "Variance of angles", "abod:ABOD", "rows x neighbours^2",
        default={"n_neighbors": 10}, space={"n_neighbors": Int(5, 30)},
        bears_no=(DISTINCT,), limits=Limits(sample=5_000),
    ),
    _detector(
        "kde", "Kernel density", "kde:KDE", "rows^2",
        space={"bandwidth": Float(0.1, 5.0, log=True)}, limits=Limits(sample=10_000),
    ),
    _detector(
        "sampling", "Distance to a few sampled rows", "sampling:Sampling", "rows x sample",
        default={"subset_size": 20}, space={"subset_size": Int(5, 200, log=True)},
    ),
    _detector(
        "kpca", "Main directions in kernel space", "kpca:KPCA", "rows^3",
        limits=Limits(sample=1_000),
    ),
    _detector(
        "loda", "Histograms along random directions", "loda:LODA", "directions x rows",
        default={"n_bins": 20, "n_random_cuts": 200}, space={"n_bins": Int(5, 50)},
        bears_no=(STEADY,),
    ),
    _detector(
        "lscp", "The locally best of three outlier factors", "lscp:LSCP", "rows x log rows",
        prepare=_neighbours_in_three, bears_no=(DISTINCT,), limits=Limits(sample=5_000),
    ),
    _detector(
        "xgbod", "Boosting on the scores of detectors", "xgbod:XGBOD", "rows^2",
        bears_no=(LABELS,), extra="xgboost",
        beside=("xgboost",), limits=Limits(sample=5_000),
    ),
    _detector(
        "feature_bagging", "Outlier factors on random columns",
        "feature_bagging:FeatureBagging", "estimators x rows x log rows",
        bears_no=(DISTINCT,), extra="detectors",
        beside=("combo",), limits=Limits(sample=10_000),
    ),
    _detector(
        "suod", "Three kinds, averaged", "suod:SUOD", "rows x log rows",
        prepare=_three_kinds, fixed={"verbose": False, "bps_flag": False}, extra="detectors",
        beside=("combo", "suod"),
        pickled=True,
        bears_no=(DISTINCT,), limits=Limits(sample=10_000),
    ),
)  # fmt: skip

_FROZEN = (
    _ours(
        "together", "Neighbourhoods and a robust ellipse, combined by Fisher's method",
        "together:Together", "rows x log rows + rows x columns^2", turn=0,
        limits=Limits(sample=20_000),
    ),
    _ours(
        "ecod", "Rarest tail of every column", "tails:ECOD", "rows x columns", turn=6,
        explain_with="own",
    ),
    _ours(
        "copod", "Skewed tail of every column", "tails:COPOD", "rows x columns", turn=7,
        explain_with="own",
    ),
    _ours("mad", "Deviations from the median", "tails:MAD", "rows x columns"),
    _ours(
        "cof", "Length of the chain through the neighbours", "neighbourhoods:COF",
        "rows x neighbours^2", default={"n_neighbors": 20}, space=_NEIGHBOURS,
        bears_no=(DISTINCT,), limits=Limits(sample=5_000, columns=1_000),
    ),
    _ours(
        "sos", "Chance of being nobody's neighbour", "neighbourhoods:SOS", "rows^2",
        default={"perplexity": 4.5}, space={"perplexity": Float(2.0, 50.0, log=True)},
        bears_no=(DISTINCT,), limits=Limits(sample=2_000),
    ),
    _ours(
        "sod", "Distance within the columns where neighbours agree", "neighbourhoods:SOD",
        "rows^2", default={"n_neighbors": 40}, space={"n_neighbors": Int(20, 60)},
        limits=Limits(sample=2_000, columns=1_000),
    ),
    _ours(
        "hdbscan", "Distance to density clusters", "clusters:HDBSCAN", "rows^2",
        default={"min_cluster_size": 20}, space={"min_cluster_size": Int(5, 100)},
        bears_no=(DISTINCT,), limits=Limits(sample=5_000),
    ),
    _ours(
        "qmcd", "Discrepancy of a quasi-Monte-Carlo design", "discrepancy:QMCD",
        "rows^2 x columns", limits=Limits(sample=2_000, columns=100),
    ),
    _ours(
        "loci", "Counts of neighbours against theirs", "neighbourhoods:LOCI", "rows^2",
        bears_no=(DISTINCT,), limits=Limits(sample=500),
    ),
    _ours(
        "cd", "Pull on each column's regression", "deviations:CD", "rows x columns^3",
        limits=Limits(columns=50, sample=20_000),
    ),
    _ours(
        "rod", "Rotations of all triples of columns", "deviations:ROD", "rows x columns^3",
        limits=Limits(columns=15, sample=10_000),
    ),
    _ours("lmdd", "Growth of the spread", "deviations:LMDD", "rows x columns"),
)  # fmt: skip


def _sklearn(key: str, title: str, target: str, complexity: str, **row: Any) -> Algorithm:
    return _detector(key, title, f"sklearn.{target}", complexity, **row)


_SKLEARN = (
    _sklearn(
        "isolation_forest", "Isolation forest (scikit-learn)", "ensemble:IsolationForest",
        "trees x rows", default={"n_estimators": 200},
        space={"n_estimators": Int(50, 400, log=True), "max_features": Float(0.3, 1.0)},
        explain_with="tree",
    ),
    _sklearn(
        "local_outlier_factor", "Local outlier factor (scikit-learn)",
        "neighbors:LocalOutlierFactor", "rows x log rows", default={"n_neighbors": 20},
        space=_NEIGHBOURS, fixed={"novelty": True}, bears_no=(DISTINCT,),
        limits=Limits(rows=100_000),
    ),
    _sklearn(
        "one_class_svm", "One-class support vectors (scikit-learn)", "svm:OneClassSVM",
        "rows^2", default={"nu": 0.1}, space={"nu": Float(0.01, 0.9)},
        limits=Limits(sample=5_000),
    ),
    _ours(
        "sgd_one_class_svm", "One-class support vectors for many rows (scikit-learn)",
        "kernels:KernelSGD", "rows x landmarks", default={"nu": 0.1},
        space={"nu": Float(0.01, 0.9)},
    ),
    _sklearn(
        "elliptic_envelope", "Robust ellipse", "covariance:EllipticEnvelope",
        "rows x columns^2", bears_no=(FULL_RANK,), limits=Limits(columns=100, sample=20_000),
    ),
)  # fmt: skip


def _net(key: str, title: str, kind: str, complexity: str, **row: Any) -> Algorithm:
    """Return a row for one of PyOD's networks."""
    fixed = {"kind": kind, **row.pop("fixed", {})}
    return _ours(
        key, title, "deep:Net", complexity, fixed=fixed, extra="torch", beside=("torch",),
        bears_no=(STEADY,), pickled=True, limits=Limits(sample=20_000, columns=1_000), **row,
    )  # fmt: skip


_NETS = (
    _net(
        "auto_encoder", "What a network cannot rebuild", "auto_encoder:AutoEncoder",
        "epochs x rows", space={"epoch_num": Int(5, 50), "lr": Float(1e-4, 1e-2, log=True)},
    ),
    _net(
        "vae", "What a variational network cannot rebuild", "vae:VAE", "epochs x rows",
        space={"epoch_num": Int(10, 100), "latent_dim": Int(2, 8)},
    ),
    _net(
        "deep_svdd", "Distance from the middle of a network's sphere", "deep_svdd:DeepSVDD",
        "epochs x rows", space={"epochs": Int(20, 200)},
    ),
    _net(
        "ae1svm", "A one-class machine on what a network rebuilds", "ae1svm:AE1SVM",
        "epochs x rows", space={"epochs": Int(10, 100), "nu": Float(0.01, 0.5)},
    ),
    _net(
        "dif", "Isolation forests on random networks", "dif:DIF", "networks x rows",
        space={"n_ensemble": Int(10, 60)},
    ),
    _net(
        "lunar", "A network on the distances to neighbours", "lunar:LUNAR", "epochs x rows",
        space={"n_epochs": Int(50, 300)},
    ),
)  # fmt: skip

_LABELLED = (
    _ours(
        "blend", "Forest on few labels, blended with the detectors that suit them",
        "labelled:Blend", "13 detectors", turn=0, bears_no=(LABELS,),
        space={"min_samples_leaf": Int(2, 10)}, limits=Limits(rows=50_000, columns=500),
    ),
    _ours(
        "labelled_trees", "Balanced forest on labels", "labelled:Trees", "trees x rows",
        turn=1, bears_no=(LABELS,), space={"min_samples_leaf": Int(1, 20)},
    ),
    _ours(
        "labelled_boosting", "Gradient boosting on labels", "labelled:Boosted",
        "rounds x rows", turn=2, bears_no=(LABELS,),
        space={"learning_rate": Float(0.02, 0.3, log=True), "max_leaf_nodes": Int(4, 31)},
    ),
)  # fmt: skip

ROWS = (*_FROZEN, *_LABELLED, *_PYOD, *_SKLEARN, *_NETS)
