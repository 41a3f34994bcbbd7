"""What a student keeps of its teacher's retrieval, and how much faster it is.

    python -m benchmarks.distilling --photographs FOLDER --run FOLDER [--images FOLDER ...]
    python -m benchmarks.distilling --photographs FOLDER --stamps FOLDER --run OTHER --other-half

The embedded encoder teaches a student of fewer blocks, cut out of it, on the examples, on half of
140 photographs, on the other images of their package (``benchmarks.photographs`` tells how to get
it) and on whatever folders of images are given beside (``benchmarks.varied`` makes one of many
packages); the more, the better. The other half of the
photographs is seen by neither, nor are photographs of another package (``benchmarks.stamps``): of
these it is told how often an altered copy's nearest is its original, how well the nearest ones are
of the same kind, and how many of the teacher's neighbours the student has. With ``--other-half``
the halves change places. Speed is by processor time, in fp32, one thread, both in turns. The run
goes on where it was stopped, and where it is done it is measured again; the page tells of all runs,
each by the name of its folder. ``--sample 40 --epochs 1 --layers 1 --most 10`` tries it.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks import machine, photographs, report
from benchmarks.distilling_page import distilling_page, joined, share_kept
from benchmarks.stamps import unpack_stamps
from vitrail.indexer.encoders import EMBEDDED, Encoder, EncoderSettings, load_encoder
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
from vitrail.indexer.images.preprocess import apply
from vitrail.indexer.training.distillation import neighbours_kept
from vitrail.indexer.training.distilling import DistillingOptions
from vitrail.indexer.training.samples import LabelledImage, TrainingImages
from vitrail.indexer.training.saving import save_model
from vitrail.indexer.training.splits import TRAINING
from vitrail.indexer.training.students import Cut
from vitrail.indexer.training.teaching import make_pair
from vitrail.indexer.training.thinning import thin_mlps
from vitrail.search.measures import average_precisions, copy_hits, knn_hits, paired_interval
from vitrail.service.operations.distilling import Distilled, distil, request_of
from vitrail.service.operations.encoder_records import read_begun
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
    parser.add_argument("--stamps", type=Path, help="unpacked package of stamps, to judge by")
    parser.add_argument("--other-half", action="store_true", help="learn what is unseen otherwise")
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--mlp-ratio", type=int, help="of the student's MLPs")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--coarse", type=float, default=usual.coarse, help="share of the steps")
    parser.add_argument("--held-out", type=float, default=0.05, help="share, and as many judge")
    parser.add_argument("--batch", type=int, default=usual.batch)
    parser.add_argument("--learning-rate", type=float, default=usual.learning_rate)
    parser.add_argument("--vectors", type=float, default=usual.vectors)
    parser.add_argument("--relations", type=float, default=usual.relations)
    parser.add_argument("--tokens", type=float, default=usual.tokens)
    parser.add_argument("--space", default="gem@9")
    parser.add_argument("--sample", type=int, default=20_000, help="learned from, at most")
    parser.add_argument(
        "--precision", default="fp32", choices=["fp32", "bf16"], help="of the vectors judged by"
    )
    parser.add_argument("--most", type=int, help="photographs unseen, to try it")
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        photographs.unpack(arguments.photographs, Path(folder) / "all")
        seen, unseen = _halves(Path(folder))
        if arguments.other_half:
            seen, unseen = unseen, seen
        photographs.unpack_others(arguments.photographs, Path(folder) / "others")
        sources = [seen, EXAMPLES, Path(folder) / "others", *arguments.images]
        sets = {"photographs": sorted(unseen.rglob("*.webp"))}
        if arguments.stamps is not None:
            sets["stamps"] = unpack_stamps(arguments.stamps, Path(folder) / "stamps")
        begun = (arguments.run / "training").exists()
        started = time.process_time()
        made = _student(arguments, sources)
        # of a run that went on nobody knows what was spent before
        spent = None if begun else time.process_time() - started
        untaught = _untaught(made, arguments, Path(folder) / "untaught")
        few = {name: paths[: arguments.most] for name, paths in sets.items()}
        result = _measured(made, untaught, few, arguments.precision)
    told = machine.describe(machine.command_line("benchmarks.distilling"))
    run = {**made.to_dict(), "folder": arguments.run.name}
    told_too = ("seed", "other_half", "precision", "coarse", "mlp_ratio")
    asked = {name: getattr(arguments, name) for name in told_too}
    whole = {"machine": told, "cpu_seconds": spent, **asked, "run": run, **result}
    runs = joined(arguments.results / "distilling.json", whole)
    report.write("distilling", {"runs": runs}, distilling_page(runs), arguments.results)


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
        coarse=arguments.coarse,
        batch=arguments.batch,
        learning_rate=arguments.learning_rate,
        vectors=arguments.vectors,
        relations=arguments.relations,
        tokens=arguments.tokens,
        save_every=20,
        seed=arguments.seed,
    )
    request = request_of(
        UnlabelledSource((str(images),), sample=arguments.sample, seed=arguments.seed),
        EMBEDDED,
        str(arguments.run),
        options,
        layers=arguments.layers,
        mlp_ratio=arguments.mlp_ratio,
        validation=arguments.held_out,
        held_out=arguments.held_out,
    )
    return distil(request, progress=_tell)


def _tell(event: Event) -> None:
    if isinstance(event, AnalysisProgress) and event.noun == "step":
        print(f"step {event.done} of {event.total}: {event.told}", flush=True)


def _untaught(made: Distilled, arguments: argparse.Namespace, folder: Path) -> str:
    """The student as it was cut out, before it learned anything."""
    options = DistillingOptions(space=arguments.space)
    cut = Cut(arguments.layers, mlp_ratio=arguments.mlp_ratio)
    pair = make_pair(find_encoder_checkpoint(made.teacher), None, cut, options)
    begun = read_begun(str(arguments.run / "training"))
    assert begun is not None
    seen = [
        LabelledImage(image.path, image.content_hash)
        for image, part in zip(begun.images, begun.parts.tolist(), strict=True)
        if part == TRAINING
    ]
    images = TrainingImages(seen, pair.teacher.preprocess, options.augmentation, arguments.seed)
    thin_mlps(pair, images, arguments.seed)
    folder.mkdir()
    save_model(pair.model, pair.student, str(folder), {})
    return str(folder)


def _measured(
    made: Distilled, untaught: str, sets: Mapping[str, Sequence[Path]], precision: str
) -> dict[str, Any]:
    theirs, ours = made.spaces
    named = ((EMBEDDED, theirs), (made.folder, ours), (untaught, ours))
    speeds = _speeds([_loaded(*one, "fp32") for one in named[:2]])
    encoders = [_loaded(*one, precision) for one in named]
    return {"sets": {name: _judged(encoders, sets[name]) for name in sets}, "speed": speeds}


def _loaded(name: str, space: str, precision: str) -> Encoder:
    return load_encoder(EncoderSettings(name, (space,), "torch", "cpu", precision))


def _judged(encoders: Sequence[Encoder], paths: Sequence[Path]) -> dict[str, Any]:
    """Teacher, student and untaught one by the same images, in folders by kind."""
    kinds = [path.parent.name for path in paths]
    labels = np.unique(kinds, return_inverse=True)[1].astype(np.int64)
    images = [image_to_copy(str(path)) for path in paths]
    rows = [_vectors(encoder, images) for encoder in encoders]
    found = [
        _retrieval(encoder, own, images, labels)
        for encoder, own in zip(encoders, rows, strict=True)
    ]
    told = {
        name: {
            "teacher": float(np.nanmean(found[0][name])),
            "student": float(np.nanmean(found[1][name])),
            "untaught": float(np.nanmean(found[2][name])),
            "share": share_kept(found[1][name], found[0][name]),
            "difference": _interval(found[1][name], found[0][name]),
        }
        for name in found[0]
    }
    kept = {
        "student": neighbours_kept(rows[1], rows[0]),
        "untaught": neighbours_kept(rows[2], rows[0]),
    }
    return {
        "images": len(paths),
        "kinds": len(set(kinds)),
        "retrieval": told,
        "neighbours": kept,
    }


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


if __name__ == "__main__":
    main()
