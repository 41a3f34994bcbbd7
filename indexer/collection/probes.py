"""The files that hold linear probes: what a user had learned from labels, each whole or not there.

A probe is no part of a commit: nothing else depends on it. Its file is replaced in one step, and
holds a checksum of all that it says.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.collection.findings import Finding
from vitrail.indexer.errors import CollectionError, DamagedError, UnreadableError
from vitrail.indexer.files.durability import disk_guard, make_directory, write_bytes
from vitrail.indexer.files.reading import (
    NO_FILE,
    NO_FOLDER,
    exists,
    read_bytes,
    reading,
    unreadable,
)

FOLDER = "probes"
SUFFIX = ".safetensors"
_META = "vitrail"
_REMEDY = "run `vitrail verify --repair`, and classify again, which learns it anew"


def name_of(column: str, space: str) -> str:
    """What the file of a column's probe in a space is called: no name of a user's is part of it."""
    key = json.dumps([column.lower(), space]).encode()
    return hashlib.sha256(key).hexdigest()[:32] + SUFFIX


def pack(told: Mapping[str, object], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A safetensors file of some arrays, with what is told of them and a checksum of both.

    Args:
        told: plain JSON types.
        arrays: any shapes and number types, by name.
    """
    from safetensors.numpy import save

    tensors = {name: np.ascontiguousarray(one) for name, one in arrays.items()}
    text = json.dumps(told, sort_keys=True)
    meta = {_META: json.dumps({"told": text, "sha256": _digest(text, tensors)})}
    data: bytes = save(tensors, meta)
    return data


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What ``pack`` wrote: what is told, and the arrays as they were.

    Raises:
        DamagedError: it is something else, or not what was written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        outer = json.loads(header["__metadata__"][_META])
        text, digest = outer["told"], outer["sha256"]
        told = json.loads(text)
        same = digest == _digest(text, arrays)
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedError(f"it is no probe ({error})", remedy=_REMEDY) from error
    except RecursionError as error:
        raise DamagedError("it is no probe", remedy=_REMEDY) from error
    if not same or not isinstance(told, dict):
        raise DamagedError("its bytes are not those that were written", remedy=_REMEDY)
    return told, arrays


def _digest(text: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    found = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        one = np.ascontiguousarray(arrays[name])
        found.update(json.dumps([name, str(one.dtype), one.shape]).encode())
        found.update(one.tobytes())
    return found.hexdigest()


def check_place(directory: str, name: str) -> None:
    """Refuse what would keep a probe's file from being written, before it is learned.

    Raises:
        UnreadableError: something else lies in its place, or in that of its folder.
    """
    folder = os.path.join(directory, FOLDER)
    if exists(folder) and not os.path.isdir(folder):
        raise unreadable(folder, NO_FOLDER)
    if os.path.isdir(path := os.path.join(folder, name)):
        raise unreadable(path, NO_FILE)


def write_probe(directory: str, name: str, data: bytes) -> None:
    """Put a probe's file in the place of the one of its name, durably.

    Args:
        directory: of the collection, whose lock the caller holds.
        name: as ``name_of`` gives it.
        data: as ``pack`` makes it.

    Raises:
        CollectionError: the disk is full or refuses; what was there before stays.
    """
    folder = os.path.join(directory, FOLDER)
    with disk_guard(directory, 2 * len(data)):
        make_directory(folder)
        write_bytes(os.path.join(folder, name), data)


def read_probe(directory: str, name: str) -> bytes | None:
    """The bytes of a probe's file; ``None`` where there is none.

    Raises:
        UnreadableError: it cannot be read now.
    """
    try:
        return read_bytes(os.path.join(directory, FOLDER, name))
    except FileNotFoundError:
        return None


def probe_names(directory: str) -> list[str]:
    """The names of all probes' files, in order.

    Raises:
        UnreadableError: the folder cannot be read now.
    """
    folder = os.path.join(directory, FOLDER)
    if not exists(folder):
        return []
    if not os.path.isdir(folder):
        raise unreadable(folder, NO_FOLDER)
    with reading(folder):
        return sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))


def check_probes(directory: str) -> Iterator[Finding]:
    """Read every probe, and tell which are not what was written."""
    try:
        names = probe_names(directory)
    except UnreadableError as error:
        yield Finding("probe", FOLDER, str(error), "unreadable")
        return
    for name in names:
        try:
            data = read_probe(directory, name)
            if data is not None:  # a writer has set it aside meanwhile
                unpack(data)
        except UnreadableError as error:
            yield Finding("probe", f"{FOLDER}/{name}", str(error), "unreadable")
        except CollectionError as error:
            yield Finding("probe", f"{FOLDER}/{name}", error.problem)
