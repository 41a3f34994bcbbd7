"""What a student keeps of its teacher's retrieval, and how much faster it is.

    python -m benchmarks.distilling --photographs FOLDER --run FOLDER [--images FOLDER ...]

The embedded encoder teaches a student of fewer blocks, cut out of it, on the examples, on half of
140 photographs, on the other images of their package (``benchmarks.photographs`` tells how to get
it) and on whatever folders of images are given beside; the more, the better. The other half of the
photographs is seen by neither: of these it is told how often an altered copy's nearest is its
original, how well the nearest ones are of the same kind, and how many of the teacher's neighbours
the student has. Speed is by processor time, one thread, both in turns. The run goes on where it was
stopped, and where it is done it is measured again. ``--sample 40 --epochs 1 --layers 1 --most 10``
tries it.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks import machine, photographs, report
from vitrail.indexer.encoders import EMBEDDED, Encoder, EncoderSettings, load_encoder
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
from vitrail.indexer.images.preprocess import apply
from vitrail.indexer.training.distillation import neighbours_kept
from vitrail.indexer.training.distilling import DistillingOptions
from vitrail.indexer.training.saving import save_model
from vitrail.indexer.training.students import Cut
from vitrail.indexer.training.teaching import make_pair
from vitrail.indexer.wording import counted
from vitrail.search.measures import average_precisions, copy_hits, knn_hits, paired_interval
from vitrail.service.operations.distilling import Distilled, distil, request_of
from vitrail.service.operations.progress import AnalysisProgress, Event
from vitrail.service.operations.tuning_samples import altered_copies, image_to_copy
from vitrail.service.operations.unlabelled import UnlabelledSource

EXAMPLES = Path(__file__).parent.parent / "examples"
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
_BATCH, _ROUNDS = 8, 5


def main() -> None:
    """Run it and write ``benchmarks/results/distilling``."""
    parser, usual = argparse.ArgumentParser(description=__doc__), DistillingOptions()
    parser.add_argument("--photographs", type=Path, required=True, help="unpacked package")
    parser.add_argument("--run", type=Path, required=True, help="folder of the student, kept")
    parser.add_argument("--images", type=Path, nargs="*", default=[], help="more to learn from")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--learning-rate", type=float, default=usual.learning_rate)
    parser.add_argument("--vectors", type=float, default=usual.vectors)
    parser.add_argument("--relations", type=float, default=usual.relations)
    parser.add_argument("--tokens", type=float, default=usual.tokens)
    parser.add_argument("--space", default="gem@9")
    parser.add_argument("--sample", type=int, default=20_000, help="learned from, at most")
    parser.add_argument("--most", type=int, help="photographs unseen, to try it")
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        photographs.unpack(arguments.photographs, Path(folder) / "all")
        seen, unseen = _halves(Path(folder))
        photographs.unpack_others(arguments.photographs, Path(folder) / "others")
        sources = [seen, EXAMPLES, Path(folder) / "others", *arguments.images]
        begun = (arguments.run / "training").exists()
        started = time.process_time()
        made = _student(arguments, sources)
        # of a run that went on nobody knows what was spent before
        spent = None if begun else time.process_time() - started
        untaught = _untaught(made, arguments, Path(folder) / "untaught")
        result = _measured(made, untaught, sorted(unseen.rglob("*.webp"))[: arguments.most])
    told = machine.describe(machine.command_line("benchmarks.distilling"))
    run = {**made.to_dict(), "folder": arguments.run.name}
    whole = {"machine": told, "cpu_seconds": spent, "run": run, **result}
    report.write("distilling", whole, _page(told, made, result), arguments.results)


def _halves(folder: Path) -> tuple[Path, Path]:
    """The photographs in two folders, by their content, kinds as folders in each."""
    parts = folder / "seen", folder / "unseen"
    for path in sorted((folder / "all").rglob("*.webp")):
        digest = hashlib.sha256(path.read_bytes()).digest()
        target = parts[digest[0] % 2] / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return parts


def _student(arguments: argparse.Namespace, folders: Sequence[Path]) -> Distilled:
    # The run's own copy, under names that stay: what it goes on with must be where it was.
    images = arguments.run.parent / f"{arguments.run.name}-images"
    for number, folder in enumerate(folders):
        if not (images / str(number)).is_dir():
            begun = images / f"{number}.begun"
            shutil.rmtree(begun, ignore_errors=True)
            shutil.copytree(folder, begun)
            begun.rename(images / str(number))
    options = DistillingOptions(
        space=arguments.space,
        epochs=arguments.epochs,
        learning_rate=arguments.learning_rate,
        vectors=arguments.vectors,
        relations=arguments.relations,
        tokens=arguments.tokens,
        save_every=20,
    )
    request = request_of(
        UnlabelledSource((str(images),), sample=arguments.sample),
        EMBEDDED,
        str(arguments.run),
        options,
        layers=arguments.layers,
        validation=0.05,
        held_out=0.05,
    )
    return distil(request, progress=_tell)


def _tell(event: Event) -> None:
    if isinstance(event, AnalysisProgress) and event.noun == "step":
        print(f"step {event.done} of {event.total}: {event.told}", flush=True)


def _untaught(made: Distilled, arguments: argparse.Namespace, folder: Path) -> str:
    """The student as it was cut out, before it learned anything."""
    options = DistillingOptions(space=arguments.space)
    pair = make_pair(find_encoder_checkpoint(made.teacher), None, Cut(arguments.layers), options)
    folder.mkdir()
    save_model(pair.model, pair.student, str(folder), {})
    return str(folder)


def _measured(made: Distilled, untaught: str, paths: Sequence[Path]) -> dict[str, Any]:
    kinds = [path.parent.name for path in paths]
    labels = np.unique(kinds, return_inverse=True)[1].astype(np.int64)
    images = [image_to_copy(str(path)) for path in paths]
    theirs, ours = made.spaces
    encoders = [
        load_encoder(EncoderSettings(name, (space,), "torch", "cpu", "fp32"))
        for name, space in ((EMBEDDED, theirs), (made.folder, ours), (untaught, ours))
    ]
    rows = [_vectors(encoder, images) for encoder in encoders]
    found = [
        _retrieval(encoder, own, images, labels)
        for encoder, own in zip(encoders, rows, strict=True)
    ]
    speeds = _speeds(encoders[:2])
    told = {
        name: {
            "teacher": float(np.nanmean(found[0][name])),
            "student": float(np.nanmean(found[1][name])),
            "untaught": float(np.nanmean(found[2][name])),
            "difference": _interval(found[1][name], found[0][name]),
        }
        for name in found[0]
    }
    kept = {
        "student": neighbours_kept(rows[1], rows[0]),
        "untaught": neighbours_kept(rows[2], rows[0]),
    }
    return {"images": len(paths), "retrieval": told, "neighbours": kept, "speed": speeds}


def _interval(ours: Doubles, theirs: Doubles) -> list[float]:
    both = np.isfinite(ours) & np.isfinite(theirs)
    found = paired_interval(ours[both], theirs[both])
    return [found.mean, found.low, found.high]


def _vectors(encoder: Encoder, images: Sequence[Image.Image]) -> Floats:
    pixels = np.stack([apply(encoder.preprocess, image) for image in images])
    parts = [
        next(iter(encoder.encode(pixels[first : first + _BATCH]).vectors.values()))
        for first in range(0, len(pixels), _BATCH)
    ]
    return np.concatenate(parts)


def _retrieval(
    encoder: Encoder, rows: Floats, images: Sequence[Image.Image], labels: NDArray[np.int64]
) -> dict[str, Doubles]:
    copies = [altered_copies(image) for image in images]
    each = len(copies[0])
    own = np.repeat(np.arange(len(images)), each)
    scores = _vectors(encoder, [copy for some in copies for copy in some]) @ rows.T
    among = rows @ rows.T
    np.fill_diagonal(among, -np.inf)
    relevant = labels[:, None] == labels[None, :]
    np.fill_diagonal(relevant, False)
    return {
        "copies found": copy_hits(scores, own).reshape(-1, each).mean(axis=1),
        "1-NN of the same kind": knn_hits(among, labels, labels, 1),
        "mAP of the same kind": average_precisions(among, relevant),
    }


def _speeds(encoders: Sequence[Encoder]) -> list[float]:
    """Images per processor second of each, in turns; the fastest round counts."""
    best = [float("inf")] * len(encoders)
    for _ in range(_ROUNDS):
        for place, encoder in enumerate(encoders):
            side = encoder.image_size
            pixels = np.zeros((_BATCH, side, side, 3), np.uint8)
            began = time.process_time()
            encoder.encode(pixels)
            best[place] = min(best[place], time.process_time() - began)
    return [_BATCH / seconds for seconds in best]


def _page(told: dict[str, Any], made: Distilled, result: dict[str, Any]) -> str:
    sizes = made.fidelity.teacher.parameters, made.fidelity.student.parameters
    speeds = result["speed"]
    rows = [
        ["parameters", *_shares(sizes[0] / 1e6, sizes[1] / 1e6, " M"), "", ""],
        ["images/cpu-s", *_shares(*speeds), "", ""],
    ]
    for name, one in result["retrieval"].items():
        mean, low, high = one["difference"]
        share = f"{one['student'] / one['teacher']:.0%}"
        apart = f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
        before = f"{one['untaught']:.3f}"
        rows.append([name, f"{one['teacher']:.3f}", f"{one['student']:.3f}", share, apart, before])
    kept = result["neighbours"]
    nearest = ["teacher's ten nearest", "", f"{kept['student']:.3f}", "", ""]
    rows.append([*nearest, f"{kept['untaught']:.3f}"])
    theirs, ours = made.spaces
    columns = [f"{result['images']} photographs unseen", theirs, ours, "student's share", "apart"]
    columns.append("untaught")
    return (
        report.heading("Distillation", told)
        + f"\nThe embedded encoder's {theirs} taught to a student of "
        f"{counted(int(ours.partition('@')[2]), 'block')} cut out of it, on {made.parts[0]:,} "
        f"images without labels, {made.steps:,} steps.\n\n"
        + report.table(columns, rows)
        + "\n\nUntaught: the student as it was cut out, before it learned anything.\n"
    )


def _shares(teacher: float, student: float, unit: str = "") -> list[str]:
    return [f"{teacher:.1f}{unit}", f"{student:.1f}{unit}", f"{student / teacher:.0%}"]


if __name__ == "__main__":
    main()
