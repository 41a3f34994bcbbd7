"""The parts of a checkpoint in diffusers' layout: what each loader would read, looked at before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vitrail.generator.checkpoints import embedded
from vitrail.indexer.encoders.hub import Wanted
from vitrail.indexer.encoders.weights import (
    PICKLES,
    SUFFIX,
    check_plain,
    check_weights,
    listed_files,
    read_object,
    tensor_shapes,
)
from vitrail.indexer.errors import CheckpointError

_NEEDED = ("unet", "vae", "text_encoder")
# Single-file copies at the top of a repository would double the download.
_FILES = ("*/*.safetensors", "*/*.json", "*/*.txt", "model_index.json")
# Other precisions and frameworks of the same weights.
_OTHERS = ("*.fp16.safetensors", "*.non_ema.safetensors", "*flax*", "*onnx*", "*openvino*")


def check_components(path: Path, index: Mapping[str, Any], name: str) -> None:
    """Refuse a checkpoint of which any part would be read from something else than safetensors.

    Args:
        path: its directory.
        index: content of its model_index.json.
        name: what messages call it.

    Raises:
        CheckpointError: a part without weights, with pickles only, with shards that are missing or
            lie elsewhere, or with files that are not what they are called.
    """
    parts = set(_parts(index, name))
    # an XL refiner has only the second text encoder
    needed = {part for part in _NEEDED if part != "text_encoder" or (path / part).is_dir()}
    for part in sorted(parts | needed):
        folder = path / part
        check_plain(folder, f"{name}/{part}")
        files = sorted(folder.glob(f"*{SUFFIX}"))
        indexes = sorted(folder.glob(f"*{SUFFIX}.index*.json"))
        for file in files:
            tensor_shapes(file, repr(str(file)))
        for shards in indexes:
            for file in listed_files(shards, name):
                check_weights(file, name)
        if files:
            continue
        if any(file.suffix in PICKLES for file in folder.glob("*")):
            raise CheckpointError(
                f"{name!r} holds pickled weights in {part}/, which can run code and are refused: "
                f"get its safetensors, or convert it with pipeline.save_pretrained(DIR)"
            )
        if part in needed:
            raise CheckpointError(f"{name!r} has no weights in {part}/: download it again")


def is_whole(path: Path) -> bool:
    """Whether a directory holds every part that its model_index.json names.

    A download that was broken off leaves some of the files, each of them whole.

    Raises:
        CheckpointError: as ``check_components``.
    """
    index = read_object(path / "model_index.json")
    check_components(path, index, str(path))
    return all(_is_there(path / part) for part in _parts(index, str(path)))


WANTED = Wanted(
    files=_FILES,
    others=_OTHERS,
    is_whole=is_whole,
    instead="a local directory or safetensors file",
    embedded=f"--model {embedded.ALIAS}",
)
"""Of a repository on the Hub: safetensors, configurations and vocabularies of its parts."""


def _is_there(folder: Path) -> bool:
    if folder.name.startswith("tokenizer"):
        pair = (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file()
        return pair or (folder / "tokenizer.json").is_file()
    return any(folder.glob("*.json"))


def _parts(index: Mapping[str, Any], name: str) -> Iterator[str]:
    """Folders of the parts that a model_index.json names: each is [library, class]."""
    for part, kind in index.items():
        if not isinstance(kind, list) or part.startswith("_") or not any(kind):
            continue
        if not part.isidentifier():
            raise CheckpointError(
                f"{name!r} names a part {part!r} in its model_index.json, which is no folder in "
                f"it: download it again"
            )
        yield part
