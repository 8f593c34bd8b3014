"""A fitted model as a folder that can be checked before it is opened.

``model.json`` says in plain data what is inside: the schema of the rows, the classes, the plan and
the versions it was made with. The model itself is ``estimator.skops`` where skops can write it (no
code runs when such a file is read: only the types listed here are built), else
``estimator.cloudpickle``, and then ``model.json`` says so and why. A digest is compared before
anything is unpacked.
"""

from __future__ import annotations

import hashlib
import json
import platform
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.errors import BadModel
from pipelines.schema import Schema
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pandas as pd

    from pipelines.adapters import Model

LAYOUT = 1
CARD = "model.json"
SKOPS, PICKLE = "estimator.skops", "estimator.cloudpickle"

ATTACHED = "reports"
"""What is added to a model after it was logged lies here and is no part of its digest."""
UNDIGESTED = frozenset({"__pycache__", "registered_model_meta", ATTACHED})

HOMES = (
    "pipelines.adapters.", "pipelines.anomaly.", "pipelines.cleaning.", "pipelines.schema.",
    "pipelines.task.", "pyod.models.",
)  # fmt: skip
"""Packages that hold nothing but models and what prepares their rows."""
TRUSTED = frozenset(
    {
        "catboost.core.CatBoostClassifier",
        "catboost.core.CatBoostRegressor",
        "collections.OrderedDict",
        "collections.defaultdict",
        "functools.partial",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
        "numpy.dtype",
        "pandas._libs.missing.NAType",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogLink",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfGammaLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss.loss.HalfPoissonLoss",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.calibration._TemperatureScaling",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Matern",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.gaussian_process.kernels.Sum",
        "sklearn.gaussian_process.kernels.WhiteKernel",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.metrics._dist_metrics.MinkowskiDistance64",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils.validation.check_array",
        "xgboost.core.Booster",
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRegressor",
    }
)
"""Types outside skops' own list that are known to run nothing when they are built."""

ALWAYS = ("numpy", "pandas", "scikit-learn", "scipy")
"""What every prediction needs; the rest is read off the model itself."""


@dataclass(frozen=True, slots=True)
class Package:
    """What a model folder holds: the model, the schema of its rows, and the whole card."""

    model: Model
    schema: Schema
    about: Mapping[str, Any]


def save(
    model: Model,
    schema: Schema,
    folder: Path,
    *,
    about: Mapping[str, Any],
    rows: pd.DataFrame | None = None,
) -> Path:
    """Write a fitted model into a new or empty folder and return the folder.

    Args:
        model: What was fitted.
        schema: What its rows look like.
        folder: Where to write.
        about: JSON-ready facts to keep beside the model, such as its plan and metric.
        rows: Raw rows on which what was written must answer as the model does.

    Raises:
        BadModel: The model can be written neither by skops nor by cloudpickle.
    """
    folder.mkdir(parents=True, exist_ok=True)
    asked = None if rows is None else schema.conform(rows)
    why = _save_skops(model, folder / SKOPS, asked)
    if why:
        _save_pickle(model, folder / PICKLE)
    used = libraries(folder)
    card = {
        "layout": LAYOUT,
        "format": "cloudpickle" if why else "skops",
        "why": why,
        "task": str(model.task),
        "classes": [plain(label) for label in model.classes],
        "schema": schema.to_dict(),
        "versions": {"python": platform.python_version(), **{n: _version(n) for n in used}},
        "about": dict(about),
    }
    (folder / CARD).write_text(json.dumps(card, indent=2, default=str), encoding="utf-8")
    return folder


def unpack(folder: Path, *, digest: str | None = None, called: str | None = None) -> Package:
    """Open a model folder; with a digest, compare it before anything is unpacked.

    Args:
        folder: Where it lies.
        digest: What the record says of its bytes.
        called: What its reader calls it; by default its folder.

    Raises:
        BadModel: The bytes are not those of the digest, or the folder is broken.
    """
    if digest is not None and (found := digest_of(folder)) != digest:
        raise BadModel(
            f"The model {called or str(folder)!r} is not the one on record: its digest is "
            f"{found[:12]}…, recorded is {digest[:12]}…. It was not opened; bring its files back "
            "from a backup, or log it again."
        )
    inner = _inner(folder)
    card = read_card(inner)
    try:
        model = _load_skops(inner / SKOPS) if card["format"] == "skops" else _load_pickle(inner)
        return Package(model, Schema.from_dict(card["schema"]), card)
    except BadModel:
        raise
    except Exception as error:
        raise BadModel(
            f"The model {called or str(folder)!r} cannot be opened: {type(error).__name__}: "
            f"{_first_line(error)} It was written with {_told(card.get('versions', {}))}."
        ) from error


def read_card(folder: Path) -> dict[str, Any]:
    """Return ``model.json`` of a model folder, or of a whole MLflow model, without opening it.

    Raises:
        BadModel: There is none, or it is broken, or from a newer layout.
    """
    path = _inner(folder) / CARD
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        layout, wanted = card["layout"], {"format", "task", "classes", "schema"} - card.keys()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadModel(
            f"{str(folder)!r} holds no model: {CARD} is missing or broken. "
            "Name a folder that was written by this package."
        ) from error
    if wanted or layout != LAYOUT:
        raise BadModel(
            f"The model in {str(folder)!r} has layout {layout!r}, this package reads {LAYOUT}. "
            "Open it with the version of mlops-platform that wrote it."
        )
    return card


def digest_of(folder: Path) -> str:
    """Return the SHA-256 of every file that makes the model, by relative name and bytes.

    What is added later is left out: MLflow's ``registered_model_meta`` and attached reports.

    Raises:
        BadModel: There is no such folder.
    """
    if not folder.is_dir():
        raise BadModel(f"There is no model folder {str(folder)!r}. It may have been removed.")
    whole = hashlib.sha256()
    for name, path in sorted((p.relative_to(folder).as_posix(), p) for p in _files(folder)):
        with path.open("rb") as file:
            inner = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{name}\0{inner}\n".encode())
    return whole.hexdigest()


def requirements(folder: Path) -> tuple[str, ...]:
    """Return what predicting needs, each pinned to the version that is installed here."""
    return tuple(f"{name}=={_version(name)}" for name in libraries(folder))


def libraries(folder: Path) -> tuple[str, ...]:
    """Return the names of the distributions that a saved model's types come from."""
    skops, pickled = folder / SKOPS, folder / PICKLE
    writer = "skops" if skops.exists() else "cloudpickle"
    modules = _modules_in_skops(skops) if skops.exists() else _modules_in_pickle(pickled)
    found = {name for module in modules for name in _distributions().get(module, ())}
    return tuple(sorted({*ALWAYS, writer, *found}))


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not UNDIGESTED.intersection(path.relative_to(folder).parts):
            yield path


def _inner(folder: Path) -> Path:
    """Return our folder inside of MLflow's (``data/<name>``), or the folder itself."""
    if (folder / CARD).exists():
        return folder
    return next((card.parent for card in sorted(folder.glob(f"data/*/{CARD}"))), folder)


def _save_skops(model: Model, path: Path, rows: pd.DataFrame | None) -> str:
    """Write with skops and read back; return why that is not possible, or nothing."""
    import skops.io

    try:
        skops.io.dump(model, path, compression=zipfile.ZIP_DEFLATED)
        if strange := strange_types(path):
            reason = f"skops does not trust {', '.join(strange)}"
        elif _agree(model, _load_skops(path), rows):
            return ""
        else:
            reason = "what skops wrote answers differently"
    except Exception as error:  # noqa: BLE001 - whatever skops cannot write, cloudpickle may
        reason = f"skops cannot write it: {type(error).__name__}: {_first_line(error)}"
    path.unlink(missing_ok=True)
    return reason


def _agree(model: Model, copy: Model, rows: pd.DataFrame | None) -> bool:
    """Say whether a copy scores rows as the model does; NaN agrees with NaN."""
    if rows is None or not len(rows):
        return True
    return np.array_equal(model.score(rows), copy.score(rows), equal_nan=True)


def _save_pickle(model: Model, path: Path) -> None:
    import cloudpickle

    try:
        path.write_bytes(cloudpickle.dumps(model))
    except Exception as error:
        raise BadModel(
            f"A {type(model).__name__} cannot be written to a file: {_first_line(error)} "
            "Leave this algorithm out with --exclude."
        ) from error


def _load_skops(path: Path) -> Any:
    import skops.io

    if strange := strange_types(path):
        raise BadModel(
            f"{str(path)!r} names types that are not trusted: {', '.join(strange)}. "
            "It was not opened: it was not written by this package."
        )
    model = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    model.task = Task(model.task)  # skops writes a member of a StrEnum as a mere str
    return model


def _load_pickle(folder: Path) -> Any:
    import cloudpickle

    return cloudpickle.loads((folder / PICKLE).read_bytes())


def strange_types(path: Path) -> list[str]:
    """Return the types in a skops file that are not known to run nothing when they are built."""
    import skops.io

    named = skops.io.get_untrusted_types(file=path)
    return [name for name in named if name not in TRUSTED and not name.startswith(HOMES)]


def _modules_in_skops(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        tree = json.loads(archive.read("schema.json"))
    found, todo = set(), [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            found.add(str(node.get("__module__", "")).partition(".")[0])
            todo.extend(node.values())
        elif isinstance(node, list):
            todo.extend(node)
    return found


def _modules_in_pickle(path: Path) -> set[str]:
    """Return every top-level module that a pickle names, without running it."""
    import pickletools

    texts = (arg for _, arg, _ in pickletools.genops(path.read_bytes()) if isinstance(arg, str))
    return {text.partition(" ")[0].partition(".")[0] for text in texts}


@cache
def _distributions() -> Mapping[str, Iterable[str]]:
    """Return the distributions behind each import name, but for our own rooms."""
    ours = {"pipelines", "mlops", "registry"}
    return {k: v for k, v in metadata.packages_distributions().items() if k not in ours}


def _version(name: str) -> str:
    return metadata.version(name)


def plain(label: Any) -> Any:
    """Return a label as a plain Python value."""
    return label.item() if hasattr(label, "item") else label


def _first_line(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{text or type(error).__name__}."


def _told(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items()) or "other versions"
