"""How well labels can be told, and wrong ones found: votes and probes, beside scikit-learn's own.

    python -m benchmarks.labels [--photographs FOLDER] [--generated]

Images are the examples by folder and, with ``--photographs``, 140 real ones by kind, out of a
package that ``benchmarks.photographs`` tells how to get. Each image's label is told by others,
copies of it left out; beside stand what many would do: scikit-learn's k-NN with its defaults and
its logistic regression with its own cross-validated strength, over the same folds. Then a tenth of
the labels is made wrong, five times, and looked for; beside stands plain disagreement: whatever
label is not the one that is told. With ``--generated`` the embedded generator draws eight names of
each of the examples' folders, which are told by the examples, and again without their own.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegressionCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import machine, photographs, report
from vitrail import Collection, IndexOptions
from vitrail.search.classification.assessment import Assessment
from vitrail.search.classification.labelled import Labelled
from vitrail.search.classification.probe import STRENGTHS, fit_probe
from vitrail.search.classification.suspects import suspect
from vitrail.search.classification.votes import Voting
from vitrail.search.measures import Interval, interval
from vitrail.service.operations.labels import LabelledBy, LabelOptions, Learning, learn

EXAMPLES = Path(__file__).parent.parent / "examples"
RAW, WHITENED = "gem@9", "gem@9/w"
WAYS: tuple[tuple[LabelledBy, str], ...] = (
    *(("knn", RAW), ("knn", WHITENED)),
    *(("probe", RAW), ("probe", WHITENED)),
)
PLANTINGS, SHARE, EACH = 5, 10, 8


def main() -> None:
    """Run it and write ``benchmarks/results/labels``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=Path, help="where their package was unpacked")
    parser.add_argument("--generated", action="store_true", help="draw images, and tell them too")
    arguments = parser.parse_args()
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        examples = _collection(Path(folder) / "examples", EXAMPLES)
        result["examples"] = _measured(examples)
        if arguments.photographs is not None:
            photographs.unpack(arguments.photographs, Path(folder) / "photographs")
            real = _collection(Path(folder) / "real", Path(folder) / "photographs")
            result["photographs"] = _measured(real)
        if arguments.generated:
            result["generated"] = _generated(examples)
    told = machine.describe(machine.command_line("benchmarks.labels"))
    report.write("labels", {"machine": told, **result}, _page(told, result))


def _collection(directory: Path, images: Path) -> Collection:
    made = Collection.create(directory, checkpoint="dinov2-small-focus", spaces=[RAW])
    made.index(images, options=IndexOptions(label_from="parent", exclude=("*.md", "*.txt", "*.py")))
    if WHITENED not in made.store.spaces:
        made.whiten(RAW)
    return made


def _learning(collection: Collection, by: LabelledBy, space: str) -> Learning:
    return Learning(collection, collection.store.snapshot(), LabelOptions("label", by, space))


def _measured(collection: Collection) -> dict[str, Any]:
    told, found = [], []
    for by, space in WAYS:
        learning = _learning(collection, by, space)
        known = learning.read()
        _, chosen = learn(learning, known)
        ours = Assessment(known.classes, known.ids, known.targets, chosen.probabilities)
        told.append({"way": f"{by}, {space}", **_row(ours)})
        found.append({"way": f"{by}, {space}", **_planted(learning, known)})
    for space in (RAW, WHITENED):
        known = _learning(collection, "knn", space).read()
        told += [{"way": f"{name}, {space}", **_row(made)} for name, made in _others(known)]
    counts = {"images": len(known), "labels": len(known.classes)}
    return {**counts, "commonest": ours.commonest, "told": told, "planted": found}


def _row(made: Assessment) -> dict[str, float]:
    right = made.accuracy
    told = {"accuracy": right.mean, "low": right.low, "high": right.high}
    return {**told, "calibration_error": made.calibration_error, "log_loss": made.loss}


def _others(known: Labelled) -> Iterator[tuple[str, Assessment]]:
    """What many would do, over the same folds."""
    knn = KNeighborsClassifier(metric="cosine")
    regression = make_pipeline(
        StandardScaler(), LogisticRegressionCV(Cs=list(STRENGTHS), max_iter=500)
    )
    for name, model in (("scikit-learn's 5-NN", knn), ("its regression", regression)):
        fold_of, told = known.folds(), np.zeros((len(known), len(known.classes)))
        for fold in np.unique(fold_of):
            own = fold_of == fold
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of labels that few images have
                model.fit(known.rows[~own].astype(np.float64), known.targets[~own])
                told[np.ix_(own, model.classes_)] = model.predict_proba(known.rows[own])
        yield name, Assessment(known.classes, known.ids, known.targets, told)


def _planted(learning: Learning, known: Labelled) -> dict[str, float]:
    """Precision and recall over wrong labels that are planted, and of plain disagreement."""
    measured = []
    for seed in range(PLANTINGS):
        random = np.random.default_rng(seed)
        wrong = random.choice(len(known), len(known) // SHARE, replace=False)
        targets = known.targets.copy()
        moved = random.integers(1, len(known.classes), len(wrong))
        targets[wrong] = (targets[wrong] + moved) % len(known.classes)
        _, chosen = learn(learning, replace(known, targets=targets))
        places = suspect(chosen.probabilities, targets).places
        plain = np.flatnonzero(chosen.probabilities.argmax(axis=1) != targets)
        first = places[: len(wrong)]
        measured.append((*_found(places, wrong), _found(first, wrong)[0], *_found(plain, wrong)))
    names = ("precision", "recall", "first", "plain_precision", "plain_recall")
    return dict(zip(names, np.mean(measured, axis=0).tolist(), strict=True))


def _found(places: NDArray[np.int64], wrong: NDArray[np.int64]) -> tuple[float, float]:
    hits = float(np.isin(places, wrong).sum())
    return hits / max(1, len(places)), hits / len(wrong)


def _generated(collection: Collection) -> dict[str, Any]:
    """What the embedded generator draws, told by the examples, with and without their own."""
    wanted = _draw(collection)
    commit = collection.store.snapshot()
    infos = commit.metadata(commit.allowed_ids("generated").tolist())
    truth = np.array([wanted[str(info.prompt)][0] for info in infos])
    own = np.array([wanted[str(info.prompt)][1] for info in infos], np.int64)
    rows = {s: commit.vectors([info.id for info in infos], s) for s in (RAW, WHITENED)}
    told = []
    for by, space in WAYS[:3]:
        learning = _learning(collection, by, space)
        known = learning.read()
        made, _ = learn(learning, known)
        if isinstance(made, Voting):
            both = made.probabilities(rows[space]), made.probabilities(rows[space], own)
        else:
            kept = ~np.isin(known.ids, own)
            without = fit_probe(known.rows[kept], known.targets[kept], known.classes, made.strength)
            both = made.probabilities(rows[space]), without.probabilities(rows[space])
        right = [interval((np.array(known.classes)[p.argmax(axis=1)] == truth) * 1.0) for p in both]
        told.append(
            {"way": f"{by}, {space}", "with": _plain(right[0]), "without": _plain(right[1])}
        )
    return {"images": len(infos), "told": told}


def _draw(collection: Collection) -> dict[str, tuple[str, int]]:
    """Generate names of the examples; each with the label and the id of the one that has it."""
    from vitrail.generator.checks import Sampling
    from vitrail.service.operations.generating import generate
    from vitrail.service.operations.tasks import GenerationOptions, TextToImage

    random, wanted = np.random.default_rng(1), dict[str, tuple[str, int]]()
    by_label: dict[str, list[tuple[str, int]]] = {}
    for image in collection.select(where="label <> 'photographs'", columns=("name", "label")):
        name = os.path.splitext(image.values["name"])[0].replace("-", " ")
        by_label.setdefault(image.values["label"], []).append((name, image.id))
    for label, names in by_label.items():
        for place in random.permutation(len(names))[:EACH].tolist():
            wanted[names[place][0]] = label, names[place][1]
    options = GenerationOptions(sampling=Sampling(seed=1))
    generate(Path(collection.store.directory), TextToImage(tuple(wanted)), options)
    collection.store.refresh()
    return wanted


def _plain(value: Interval) -> dict[str, float]:
    return {"mean": value.mean, "low": value.low, "high": value.high}


def _page(told: dict[str, Any], result: dict[str, Any]) -> str:
    parts = [report.heading("Labels: how well they can be told, and wrong ones found", told)]
    for name in ("examples", "photographs"):
        if name in result:
            parts += _lines(name, result[name])
    if "generated" in result:
        made = result["generated"]
        rows = [(one["way"], _within(one["with"]), _within(one["without"])) for one in made["told"]]
        parts += [
            f"\n## {made['images']} generated images, told by the examples\n",
            "The generator has learned from the emoji, those among the examples too: the last "
            "column leaves out the example that an image is of; of a probe, all of them.\n",
            report.table(("", "told rightly", "without its own"), rows),
        ]
    return "\n".join(parts) + "\n"


def _lines(name: str, made: dict[str, Any]) -> list[str]:
    told = [
        (
            one["way"],
            _within({"mean": one["accuracy"], **one}),
            f"{one['calibration_error']:.2f}",
            f"{one['log_loss']:.2f}",
        )
        for one in made["told"]
    ]
    names = ("precision", "recall", "first", "plain_precision", "plain_recall")
    found = [(one["way"], *(f"{one[name]:.2f}" for name in names)) for one in made["planted"]]
    return [
        f"\n## {made['images']} {name}, {made['labels']} labels\n",
        f"The commonest label alone would be right for {made['commonest']:.2f}.\n",
        report.table(("", "told rightly (95%)", "calibration error", "log loss"), told),
        f"\nA tenth of the labels made wrong, the mean of {PLANTINGS} times. *First*: the "
        "precision of as many as there are wrong; *plain*: of all labels that are not the one "
        "told.\n",
        report.table(
            ("", "precision", "recall", "first", "plain precision", "plain recall"), found
        ),
    ]


def _within(value: dict[str, float]) -> str:
    return f"{value['mean']:.2f} ({value['low']:.2f} to {value['high']:.2f})"


if __name__ == "__main__":
    main()
