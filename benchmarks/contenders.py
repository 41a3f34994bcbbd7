"""The ways of embedding a folder that the indexing benchmark compares, each in its own process.

``python -m benchmarks.contenders NAME MODEL FOLDER SPACE`` loads one of them, then reads words from
standard input, one a line, and answers each with a line of JSON: ``files`` (the whole job, from
files to what is kept), ``model`` (the encoder alone, on pixels in memory), ``vectors PATH`` (saves
the last ones), ``peak``; Vitrail also ``pixels`` (reads files up to the pixels, no more) and
``folder PATH`` (the whole job with another folder's files). Imports, loading and the first calls
are over before the first answer.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from benchmarks.checkpoints import checkpoint_folder

BATCH = 32
Floats = NDArray[np.float32]


class Contender(Protocol):
    """Turns picture files into unit vectors."""

    def files(self, paths: Sequence[str]) -> Floats:
        """(n, dim) vectors of n files, each a contender's own way from disk to what it keeps."""

    def model(self) -> int:
        """Run the encoder alone over pixels that are in memory; returns how many pictures."""


class Vitrail:
    """This project: into a new collection on disk, until it is committed and closed."""

    def __init__(self, name: str, paths: Sequence[str], space: str) -> None:
        from vitrail.indexer.encoders import EMBEDDED, EncoderSettings, load_encoder

        self._encoder = load_encoder(
            EncoderSettings(
                EMBEDDED if name == EMBEDDED else str(checkpoint_folder(name)), spaces=(space,)
            )
        )
        self._space = space
        self._pixels = self._prepare(paths[:BATCH])

    def files(self, paths: Sequence[str]) -> Floats:
        from vitrail.indexer.collection.store import CollectionStore
        from vitrail.indexer.indexing.pipeline import index_folders

        with tempfile.TemporaryDirectory(prefix="vitrail-benchmark-") as place:
            folder = os.path.join(place, "collection")
            with CollectionStore.create(folder, self._encoder.fingerprint) as collection:
                done = index_folders(collection, self._encoder, paths)
                if done.committed != len(paths):
                    raise SystemExit(f"{done.committed} of {len(paths)} pictures were committed")
            with CollectionStore.open(folder) as collection:
                ids = [collection.resolve(path) for path in paths]
                return collection.vectors(ids, self._space)

    def model(self) -> int:
        self._encoder.encode(self._pixels)
        return len(self._pixels)

    def pixels(self, paths: Sequence[str]) -> None:
        """Read files up to the pixels that the encoder takes, in as many threads as a run does."""
        with ThreadPoolExecutor(machine.cores()) as pool:
            for _ in pool.map(self._read, paths):
                pass

    def _prepare(self, paths: Sequence[str]) -> NDArray[np.uint8]:
        return np.stack([self._read(path) for path in paths])

    def _read(self, path: str) -> NDArray[np.uint8]:
        from vitrail.indexer.images.opening import open_image
        from vitrail.indexer.images.preprocess import apply

        spec = self._encoder.preprocess
        return apply(spec, open_image(path, target=spec.target).image)


class PipelineLoop:
    """transformers' pipeline in a loop over the files, as its documentation shows it."""

    def __init__(self, name: str, paths: Sequence[str], space: str) -> None:
        from transformers import pipeline

        folder = str(checkpoint_folder(name))
        self._pipe: Any = pipeline("image-feature-extraction", model=folder)
        self._first = paths[0]

    def files(self, paths: Sequence[str]) -> Floats:
        return unit(np.array([self._pipe(path)[0][0] for path in paths], np.float32))

    def model(self) -> int:
        return 0


class TorchBatches:
    """Batches through transformers' processor and model, in one torch precision."""

    def __init__(
        self, name: str, paths: Sequence[str], space: str, *, precision: str, compiled: bool
    ) -> None:
        import torch
        from transformers import AutoImageProcessor, AutoModel

        folder = str(checkpoint_folder(name))
        self._torch: Any = torch
        self._dtype = getattr(torch, precision)
        self._processor: Any = AutoImageProcessor.from_pretrained(folder)
        model: Any = AutoModel.from_pretrained(folder, dtype=self._dtype).eval()
        self._model: Any = torch.compile(model) if compiled else model
        self._pixels = self._prepare(paths[:BATCH])

    def files(self, paths: Sequence[str]) -> Floats:
        starts = range(0, len(paths), BATCH)
        batches = (self._prepare(paths[start : start + BATCH]) for start in starts)
        return unit(np.concatenate([self._forward(pixels) for pixels in batches]))

    def model(self) -> int:
        self._forward(self._pixels)
        return len(self._pixels)

    def _prepare(self, paths: Sequence[str]) -> Any:
        from PIL import Image

        pictures = [Image.open(path).convert("RGB") for path in paths]
        return self._processor(images=pictures, return_tensors="pt")["pixel_values"]

    def _forward(self, pixels: Any) -> Floats:
        with self._torch.inference_mode():
            hidden = self._model(pixel_values=pixels.to(self._dtype)).last_hidden_state
            result: Floats = hidden[:, 0].float().numpy()
            return result


Maker = Callable[[str, Sequence[str], str], Contender]


def _torch(precision: str, compiled: bool) -> Maker:
    return lambda name, paths, space: TorchBatches(
        name, paths, space, precision=precision, compiled=compiled
    )


CONTENDERS: dict[str, Maker] = {
    "vitrail": Vitrail,
    "pipeline": PipelineLoop,
    "torch-fp32": _torch("float32", False),
    "torch-bf16-compiled": _torch("bfloat16", True),
    "torch-fp32-compiled": _torch("float32", True),
}


def unit(rows: Floats) -> Floats:
    """Rows of length 1."""
    lengths: Floats = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / lengths


def picture_paths(folder: str) -> list[str]:
    """The folder's pictures in order; absolute."""
    return [str(path.resolve()) for path in sorted(Path(folder).glob("*.jpg"))]


def main() -> None:
    name, model, folder, space = sys.argv[1:5]
    # Libraries print what they like; answers go where they cannot.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    paths = picture_paths(folder)
    started = time.perf_counter()
    contender = CONTENDERS[name](model, paths, space)
    loaded = time.perf_counter()
    contender.files(paths[:1])  # the first calls compile, allocate and open what they need
    contender.model()
    warm = time.perf_counter()
    first = {"load_seconds": loaded - started, "warm_up_seconds": warm - loaded}
    print(json.dumps(first), file=answers, flush=True)
    kept: dict[str, Floats] = {}
    for line in sys.stdin:
        answer = _answer(contender, line.strip(), paths, kept)
        print(json.dumps(answer), file=answers, flush=True)


def _answer(
    contender: Contender, word: str, paths: list[str], kept: dict[str, Floats]
) -> dict[str, Any]:
    if word == "peak":
        return {"bytes": machine.peak_memory()}
    if word.startswith("vectors "):
        np.save(word.split(" ", 1)[1], kept["files"])
        return {}
    if word.startswith("folder "):
        paths = picture_paths(word.split(" ", 1)[1])
    started, used = time.perf_counter(), time.process_time()
    if word == "model":
        pictures = contender.model()
    elif word == "pixels":
        assert isinstance(contender, Vitrail)
        contender.pixels(paths)
        pictures = len(paths)
    elif word.startswith("folder "):
        pictures = len(contender.files(paths))
    else:
        kept["files"] = contender.files(paths)
        pictures = len(paths)
    return {
        "pictures": pictures,
        "seconds": time.perf_counter() - started,
        "processor_seconds": time.process_time() - used,
    }


if __name__ == "__main__":
    main()
