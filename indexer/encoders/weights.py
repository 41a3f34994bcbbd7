"""Weight files: safetensors by the name given and by their own first bytes, or refused.

A loader chooses by the name whether it reads tensors or runs a pickle, and follows links and lists
of shards wherever they lead. So every file is looked at here before a loader is told of it, under
the name that the loader will see: a link keeps its own, since it may lead to the Hub's cache, whose
files have names without an ending.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.wording import in_one_line

SUFFIX = ".safetensors"
PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle")
"""Endings of formats that run code when they are read."""
ADAPTER = "adapter_config.json"
"""With such a file beside the weights, transformers lays others over them without being asked."""
ELSEWHERE = "transformers_weights"
"""A setting by which config.json names another file than the usual one."""

_LONGEST_HEADER = 100_000_000  # bytes; the format's own limit
_START = 64  # bytes that tell what a file is instead
_KINDS = (
    (b"PK\x03\x04", "a zip archive, as torch.save writes: such files can run code"),
    (b"version https://git-lfs", "a pointer of Git LFS: run `git lfs pull` where it comes from"),
    (b"GGUF", "a GGUF file"),
    (b"<", "a web page"),
)


def tensor_shapes(path: Path, what: str) -> dict[str, list[int]]:
    """Names and shapes of a safetensors file's tensors, from its header alone.

    Args:
        path: of the file; its own ending must be ``.safetensors``, whatever a link leads to.
        what: how messages begin, such as "LoRA 'cats.safetensors'".

    Raises:
        CheckpointError: it is no such file, or cut short.
    """
    if path.suffix != SUFFIX:
        raise CheckpointError(
            f"{what} is not a {SUFFIX} file by its name, and other formats can run code: get its "
            f"safetensors, or convert it"
        )
    start = b""
    try:
        size = os.path.getsize(path)
        with path.open("rb") as file:
            start = file.read(_START)
            length = _header_length(start)
            file.seek(8)
            entries = {} if 8 + length > size else _entries(file.read(length))
        shapes = {key: _shape(entry) for key, entry in entries.items()}
        whole = 8 + length + max((_end(entry) for entry in entries.values()), default=0)
    except OSError as error:
        raise CheckpointError(f"{what} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        kind = told_by_its_start(start) or f"something else ({in_one_line(error, 80)})"
        raise CheckpointError(
            f"{what} is no safetensors file but {kind}: get the safetensors"
        ) from None
    if size < whole:
        raise CheckpointError(
            f"{what} is cut short, at {size:,} of {whole:,} bytes or more: download it again"
        )
    if size > whole:
        raise CheckpointError(
            f"{what} is damaged, with {size - whole:,} bytes more than its header tells of: "
            f"download it again"
        )
    return shapes


def listed_files(index: Path, name: str) -> list[Path]:
    """The shards that a ``*.safetensors.index.json`` names, in order; each lies beside it.

    Args:
        index: the list.
        name: the checkpoint, for messages.

    Raises:
        CheckpointError: it is no such list, or names what is no safetensors file beside it.
    """
    parts = read_object(index).get("weight_map")
    if not isinstance(parts, dict) or not parts:
        raise CheckpointError(f"{index} names no files under weight_map: download it again")
    for part in parts.values():
        if not _is_plain(part):
            raise CheckpointError(
                f"{index} names {part!r}, and only {SUFFIX} files beside it are read: give a "
                f"checkpoint whose shards are such files, in place of {name!r}"
            )
    return [index.parent / part for part in sorted(set(parts.values()))]


def weight_files(directory: Path, name: str, stem: str = "model") -> list[Path]:
    """The files that a loader reads from a directory, in order; empty when it has none.

    Each is a safetensors file by its name and its header, whole, and beside its list.

    Args:
        directory: holds ``STEM.safetensors``, or shards and ``STEM.safetensors.index.json``.
        name: the checkpoint, for messages.
        stem: ``model`` in transformers' layout.

    Raises:
        CheckpointError: one is missing, cut short, or something else than it is called.
    """
    single = directory / f"{stem}{SUFFIX}"
    index = directory / f"{stem}{SUFFIX}.index.json"
    if single.is_file():
        files = [single]
    elif index.is_file():
        files = listed_files(index, name)
    else:
        return []
    for file in files:
        check_weights(file, name)
    return files


def check_weights(file: Path, name: str) -> None:
    """Refuse a weight file that is missing, cut short, or no safetensors.

    Raises:
        CheckpointError: naming the checkpoint and the file.
    """
    if not file.is_file():
        raise CheckpointError(f"{name!r} lacks {file.name}, which its index names: fetch it again")
    tensor_shapes(file, repr(str(file)))


def check_plain(directory: Path, name: str) -> None:
    """Refuse a directory in which transformers would find other weights than the usual ones.

    Raises:
        CheckpointError: naming what leads there, and the remedy.
    """
    if (directory / ADAPTER).exists():
        raise CheckpointError(
            f"{name!r} has an {ADAPTER}, whose weights would be laid over its own: merge them with "
            f"peft's merge_and_unload().save_pretrained(DIR), and give DIR"
        )
    config = directory / "config.json"
    if config.is_file() and read_object(config).get(ELSEWHERE) is not None:
        raise CheckpointError(
            f"{config} names weights of its own ({ELSEWHERE}): put them into model{SUFFIX}, and "
            f"leave that out"
        )


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object in a file.

    Raises:
        CheckpointError: it cannot be read, or is something else.
    """
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not JSON ({error}): download it again") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} is not a JSON object: download it again")
    return found


def _header_length(start: bytes) -> int:
    """Bytes of the header of which the file's start is given."""
    length = int.from_bytes(start[:8], "little")
    if len(start) < 9 or start[8:9] != b"{" or length > _LONGEST_HEADER:
        raise ValueError("no header")
    return length


def _entries(header: bytes) -> dict[str, Any]:
    found = json.loads(header)
    return {key: entry for key, entry in found.items() if key != "__metadata__"}


def _shape(entry: Any) -> list[int]:
    shape = entry["shape"]
    if not isinstance(shape, list) or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError("a tensor without a shape")
    return shape


def _end(entry: Any) -> int:
    begin, end = entry["data_offsets"]
    if type(begin) is not int or type(end) is not int or not 0 <= begin <= end < 1 << 63:
        raise ValueError("a tensor without a place")
    return end


def told_by_its_start(start: bytes) -> str | None:
    """What a file is, as far as its first 64 bytes tell; ``None`` where they do not."""
    if not start:
        return "empty"
    if start[0] == 0x80 and start[1:2] <= b"\x05":
        return "a pickle, which can run code"
    return next((kind for magic, kind in _KINDS if start.lstrip().startswith(magic)), None)


def _is_plain(part: Any) -> bool:
    """Whether it is the name of a safetensors file in the same folder, and nothing more."""
    return (
        isinstance(part, str)
        and part.endswith(SUFFIX)
        and part != SUFFIX
        and not any(sign in part for sign in ("/", "\\", "\0"))
    )
