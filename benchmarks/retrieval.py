"""Which vectors find what belongs together, and copies: raw, whitened and tuned spaces, and others.

    python -m benchmarks.retrieval [--photographs FOLDER] [--copied 60]

Beside the embedded encoder's spaces stand what users of a ViT take today, transformers' last-layer
[CLS] of the same checkpoint, and imagehash's pHash (``pip install imagehash``). Images are the
examples' emoji by kind and, with ``--photographs``, 140 real ones by kind, out of a package that
``benchmarks.photographs`` tells how to get; the package's copyright file says of each what its
licence is (public domain, CC0, CC BY, CC BY-SA, one GFDL), and none is kept here. The copies are of
both: changed once (compressed, shrunk, cropped, recoloured, mirrored, captioned), and thrice.

All is by 5-fold cross-validation: an image asks those of other folds, whitenings are fitted on
these alone, and what was tuned was chosen on them alone.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import machine, photographs, report, retrieval_words
from vitrail.indexer.encoders import load_encoder
from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
from vitrail.indexer.encoders.settings import EMBEDDED, EncoderSettings
from vitrail.indexer.images.files import read_file
from vitrail.indexer.images.opening import open_image
from vitrail.search.calibration.planting import KINDS
from vitrail.search.images import embed_images
from vitrail.search.measures import folds, paired_interval
from vitrail.search.tuning import Measured, Trial, copies_task, labels_task, tune
from vitrail.service.operations.tuning_samples import ALTERED

Floats = NDArray[np.float32]
Rows = dict[str, Floats]
RAW = "gem@9"
DEFAULT = f"{RAW}/w"
CLS, HASH = "transformers' last-layer [CLS]", "imagehash's pHash"
EXAMPLES = Path(__file__).parent.parent / "examples"
_VOTES, _FOLDS, _SIDE = 5, 5, 512


@dataclass(frozen=True, slots=True)
class Pictures:
    """Images of one origin, as arrays of all contenders.

    Attributes:
        name: for people.
        rows: contender or space -> (n, dim) float32 unit rows.
        labels: (n,) int64.
        copies: how often each copy was changed -> the same of copies of some.
        own: (c,) int64 of which image each copy is.
    """

    name: str
    rows: Rows
    labels: NDArray[np.int64]
    copies: Mapping[str, Rows]
    own: NDArray[np.int64]


def main() -> None:
    """Run it and write ``benchmarks/results/retrieval``."""
    arguments = _arguments()
    embed = _embedder()
    sets = [_gathered("examples", _examples(), embed, arguments.copied)]
    if arguments.photographs is not None:
        with tempfile.TemporaryDirectory() as folder:
            paths = photographs.unpack(arguments.photographs, Path(folder))
            sets.append(_gathered("photographs", sorted(paths), embed, arguments.copied))
    result = {one.name: _judged(one) for one in sets}
    words = {one.name: _worded(one) for one in (*sets, _together(sets))}
    told = machine.describe(machine.command_line("benchmarks.retrieval"))
    page = _page(told, result, words)
    report.write("retrieval", {"machine": told, **result, "words": words}, page)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=Path, help="where their package was unpacked")
    parser.add_argument("--copied", type=int, default=60, help="images that are copied")
    return parser.parse_args()


def _examples() -> list[Path]:
    """The emoji, in folders by kind; the photographs beside them are of no kind."""
    found = sorted(EXAMPLES.glob("*/*.webp"))
    return [path for path in found if path.parent.name != "photographs"]


# Embedding


def _embedder() -> Callable[[Sequence[Image.Image]], Rows]:
    depth = find_encoder_checkpoint(EMBEDDED).depth
    names = [f"{p}@{n}" for n in range(1, depth + 1) for p in ("cls", "mean", "gem")]
    encoder = load_encoder(EncoderSettings(EMBEDDED, spaces=tuple(names)))
    return partial(_embedded, encoder, _last_layer())


def _embedded(
    encoder: Encoder,
    rival: Callable[[Sequence[Image.Image]], Floats],
    images: Sequence[Image.Image],
) -> Rows:
    hashes = np.stack([imagehash.phash(image).hash.reshape(-1) for image in images])
    # Of rows of +1 and -1, the cosine orders as the Hamming distance does.
    signs = np.where(hashes, 1, -1).astype(np.float32) / np.sqrt(hashes.shape[1])
    return {**embed_images(encoder, images), CLS: rival(images), HASH: signs.astype(np.float32)}


def _last_layer() -> Callable[[Sequence[Image.Image]], Floats]:
    """The class token of the last layer, by transformers' own model and processor."""
    import torch
    from transformers import AutoImageProcessor, AutoModel

    folder = str(find_encoder_checkpoint(EMBEDDED).directory)
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    model = AutoModel.from_pretrained(folder).eval()

    def rows(images: Sequence[Image.Image]) -> Floats:
        with torch.no_grad():
            pixels = processor(images=list(images), return_tensors="pt")
            found = model(**pixels).last_hidden_state[:, 0]
            unit: Floats = torch.nn.functional.normalize(found, dim=-1).numpy()
        return unit

    return rows


def _gathered(
    name: str,
    paths: Sequence[Path],
    embed: Callable[[Sequence[Image.Image]], Rows],
    copied: int,
) -> Pictures:
    images = [open_image(read_file(str(path)).data, target=_SIDE).image for path in paths]
    kinds = [path.parent.name for path in paths]
    chosen = np.linspace(0, len(paths) - 1, min(copied, len(paths))).astype(int)
    ways: dict[str, Sequence[Sequence[str]]] = {
        "once": [(kind,) for kind in KINDS],
        "thrice": list(ALTERED),
    }
    copies = {
        how: _joined([embed([_changed(images[i], way) for way in each]) for i in chosen])
        for how, each in ways.items()
    }
    return Pictures(
        name=name,
        rows=_joined([embed(images[i : i + 16]) for i in range(0, len(images), 16)]),
        labels=np.unique(kinds, return_inverse=True)[1].astype(np.int64),
        copies=copies,
        own=np.repeat(chosen, len(KINDS)).astype(np.int64),
    )


def _changed(image: Image.Image, way: Sequence[str]) -> Image.Image:
    for kind in way:
        image = KINDS[kind](image)
    return image


def _joined(parts: Sequence[Rows]) -> Rows:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _together(sets: Sequence[Pictures]) -> Pictures:
    """All images as one collection, which has several kinds of everything."""
    starts = np.cumsum([0, *(len(one.labels) for one in sets)])
    kinds = np.cumsum([0, *(one.labels.max() + 1 for one in sets)])
    return Pictures(
        name="both",
        rows=_joined([one.rows for one in sets]),
        labels=np.concatenate([one.labels + n for one, n in zip(sets, kinds, strict=False)]),
        copies={how: _joined([one.copies[how] for one in sets]) for how in sets[0].copies},
        own=np.concatenate([one.own + n for one, n in zip(sets, starts, strict=False)]),
    )


# Judging


def _worded(of: Pictures) -> dict[str, Any]:
    copies = {f"changed {how}": rows[RAW] for how, rows in of.copies.items()}
    told = retrieval_words.judged(of.rows[RAW], copies, of.own, of.labels)
    return {"images": len(of.labels), "told": told}


def _judged(of: Pictures) -> dict[str, Any]:
    fold_of = folds(of.labels, _FOLDS, 0)
    tasks = {"labels": labels_task(of.rows, of.labels, fold_of, _VOTES)} | {
        f"copies changed {how}": copies_task(rows, of.rows, of.own, fold_of)
        for how, rows in of.copies.items()
    }
    return {
        "images": len(of.labels),
        "kinds": int(of.labels.max()) + 1,
        "copies": len(of.own),
        "measures": {name: _measured(task) for name, task in tasks.items()},
    }


def _measured(task: Trial) -> dict[str, Any]:
    spaces = {name: rows for name, rows in task.gallery.items() if "@" in name}
    asked = {name: rows for name, rows in task.queries.items() if name in spaces}
    tuned = tune(_of(task, asked, spaces))
    found = {one.candidate.name: one for one in tuned.singles}
    for rival in (CLS, HASH):
        alone = _of(task, {rival: task.queries[rival]}, {rival: task.gallery[rival]})
        found[rival] = tune(alone, mixes=False, whitens=False).singles[0]
    raw = next(one for one in tuned.singles if "/" not in one.candidate.name)
    rows = {
        HASH: found[HASH],
        CLS: found[CLS],
        f"{RAW}, raw": found[RAW],
        f"{DEFAULT}, whitened, the default": found[DEFAULT],
        f"best single layer, {raw.candidate.name}": raw,
        "tuned, chosen on other folds": tuned.honest,
    }
    return {
        "rows": {name: _numbers(one) for name, one in rows.items()},
        "winner": tuned.winner.candidate.name,
        "differences": {
            "whitened less raw": _difference(found[DEFAULT], found[RAW]),
            "whitened less [CLS]": _difference(found[DEFAULT], found[CLS]),
            "tuned less the best single layer": _difference(tuned.honest, raw),
            "tuned less [CLS]": _difference(tuned.honest, found[CLS]),
        },
    }


def _of(task: Trial, queries: Rows, gallery: Rows) -> Trial:
    return Trial(
        queries,
        gallery,
        task.relevant,
        task.barred,
        task.query_folds,
        task.gallery_folds,
        task.askers,
        task.first,
    )


def _numbers(one: Measured) -> dict[str, Any]:
    return {"first": asdict(one.first), "precision": asdict(one.precision)}


def _difference(ours: Measured, theirs: Measured) -> dict[str, Any]:
    return {
        "first": asdict(paired_interval(ours.firsts, theirs.firsts)),
        "precision": asdict(paired_interval(ours.precisions, theirs.precisions)),
    }


# Telling


def _page(told: dict[str, Any], result: dict[str, Any], words: dict[str, Any]) -> str:
    parts = [report.heading("Retrieval: which vectors find what belongs together", told)]
    parts.append(
        "In brackets the 95% intervals; those of copies by drawing images anew, since copies of "
        "one image are alike. A copy asks all images of its origin; its average precision is one "
        "over the rank of its original. Of pHash, a tie with another image counts as a miss."
    )
    for name, one in result.items():
        title = f"## {one['images']} {name}, {one['kinds']} kinds, {one['copies']} copies"
        parts.append(title)
        for what, measures in one["measures"].items():
            parts += [f"### {what.capitalize()}", _table(what, measures), _told(measures)]
    parts += retrieval_words.page(
        [(f"{one['images']} images: {name}", one["told"]) for name, one in words.items()]
    )
    return "\n\n".join(parts) + "\n"


def _table(what: str, measures: dict[str, Any]) -> str:
    first = "5-NN accuracy" if what == "labels" else "copy recall@1"
    rows = [
        [name, _share(numbers["first"]), _share(numbers["precision"])]
        for name, numbers in measures["rows"].items()
    ]
    return report.table(("vectors", first, "mean average precision"), rows)


def _told(measures: dict[str, Any]) -> str:
    lines = [f"Winner on all folds: `{measures['winner']}`. Differences, image by image:"]
    lines += [
        f"- {name}: {_points(numbers['first'])}, average precision {_points(numbers['precision'])}"
        for name, numbers in measures["differences"].items()
    ]
    return "\n".join([lines[0], "", *lines[1:]])


def _share(one: dict[str, float]) -> str:
    return f"{one['mean']:.1%} ({one['low']:.1%} to {one['high']:.1%})"


def _points(one: dict[str, float]) -> str:
    mean, low, high = (100 * one[name] for name in ("mean", "low", "high"))
    return f"{mean:+.1f} points ({low:+.1f} to {high:+.1f})"


if __name__ == "__main__":
    main()
