"""Weight files of other frameworks in a checkpoint's directory: which are there, and of which."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from vitrail.indexer.encoders.weights import read_object, told_by_its_start
from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.files.cache import file_sha256

Kind = Literal["flax", "keras", "google", "pickle"]


@dataclass(frozen=True, slots=True)
class Format:
    """How one framework's files are called.

    Attributes:
        kind: which.
        title: for people.
        stem: of the usual file's name, and of the shards' names and their list's.
        ending: of these names, with the dot.
        magic: what such a file begins with, one of these; none where a look does not tell.
        others: patterns of other names under which such files are met.
    """

    kind: Kind
    title: str
    stem: str
    ending: str
    magic: tuple[bytes, ...]
    others: tuple[str, ...]

    @property
    def usual(self) -> str:
        """The usual file's name."""
        return f"{self.stem}{self.ending}"

    @property
    def listing(self) -> str:
        """The name of the list of shards."""
        return f"{self.usual}.index.json"

    @property
    def patterns(self) -> tuple[str, ...]:
        """What to fetch of a repository that has such files."""
        return (self.usual, self.listing, f"{self.stem}-*{self.ending}")


_HDF5 = (b"\x89HDF\r\n\x1a\n",)
_ZIP = (b"PK\x03\x04",)
FORMATS = (
    Format("flax", "Flax msgpack", "flax_model", ".msgpack", (), ("*.msgpack",)),
    Format("keras", "Keras HDF5", "tf_model", ".h5", _HDF5, ("*.h5",)),
    Format("google", "NumPy archive", "model", ".npz", _ZIP, ("*.npz",)),
)
"""In the order in which they are taken where a directory has several."""
PICKLES = Format(
    "pickle",
    "PyTorch pickle",
    "pytorch_model",
    ".bin",
    (),
    ("*.bin", "*.pt", "*.pth", "*.ckpt"),
)
"""These run code when they are read, and are taken only where that is asked for."""
_NOT_WEIGHTS = ("training_args.bin", "optimizer.*", "scheduler.pt", "rng_state*", "scaler.pt")


@dataclass(frozen=True, slots=True)
class WeightSource:
    """The weight files of a checkpoint in one format.

    Attributes:
        format: which.
        files: in order; more than one where they are shards.
    """

    format: Format
    files: tuple[Path, ...]

    @property
    def name(self) -> str:
        """The first file's name, for messages."""
        return self.files[0].name

    def sha256(self) -> str:
        """Sha256 (hex) of the weights, remembered by the files' sizes and times.

        Raises:
            CheckpointError: one cannot be read.
        """
        try:
            hashes = [file_sha256(path) for path in self.files]
        except OSError as error:
            raise CheckpointError(f"{self.files[0]} cannot be read: {error.strerror}") from error
        if len(hashes) == 1:
            return hashes[0]
        return hashlib.sha256("".join(hashes).encode()).hexdigest()


def find_source(
    directory: Path, name: str, *, formats: Sequence[Format] = FORMATS
) -> WeightSource | None:
    """The weights in a directory in one of some formats; ``None`` where there are none.

    Args:
        directory: of the checkpoint.
        name: the checkpoint, for messages.
        formats: in order of preference.

    Raises:
        CheckpointError: several files may be meant, a shard is missing, or a file is something
            else than it is called.
    """
    for each in formats:
        files = _files(directory, each, name)
        if files:
            for file in files:
                check_start(file, each)
            return WeightSource(each, tuple(files))
    return None


def source_of_file(path: Path) -> WeightSource | None:
    """A file that is a checkpoint by itself, as Google's are; ``None`` where it is none.

    Raises:
        CheckpointError: it is something else than it is called.
    """
    google = next(each for each in FORMATS if each.kind == "google")
    if path.suffix != google.ending:
        return None
    check_start(path, google)
    return WeightSource(google, (path,))


def patterns_among(files: Sequence[str]) -> tuple[str, ...]:
    """What to fetch of a repository's files, where none of them is safetensors; may be empty."""
    for each in FORMATS:
        if any(fnmatch(file, pattern) for file in files for pattern in each.patterns[:2]):
            return each.patterns
    whole = [file for file in files if fnmatch(file, "*.npz") and "/" not in file]
    return tuple(whole) if len(whole) == 1 else ()


def _files(directory: Path, each: Format, name: str) -> list[Path]:
    if (directory / each.usual).is_file():
        return [directory / each.usual]
    if (directory / each.listing).is_file():
        return _shards(directory / each.listing, each, name)
    found = sorted(
        path
        for pattern in each.others
        for path in directory.glob(pattern)
        if not any(fnmatch(path.name, other) for other in _NOT_WEIGHTS)
    )
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:3])
        raise CheckpointError(
            f"{name!r} has several weight files ({names}): leave the one that is meant in it, or "
            f"call it {each.usual}"
        )
    return found


def _shards(listing: Path, each: Format, name: str) -> list[Path]:
    parts = read_object(listing).get("weight_map")
    if not isinstance(parts, dict) or not parts:
        raise CheckpointError(f"{listing} names no files under weight_map: download it again")
    files = []
    for part in sorted({str(part) for part in parts.values()}):
        path = listing.parent / part
        if Path(part).name != part or not part.endswith(each.ending):
            raise CheckpointError(
                f"{listing} names {part!r}, and only {each.ending} files beside it are read: give "
                f"a checkpoint whose shards are such files, in place of {name!r}"
            )
        if not path.is_file():
            raise CheckpointError(
                f"{name!r} lacks {part}, which {listing.name} names: fetch it again"
            )
        files.append(path)
    return files


def check_start(path: Path, each: Format) -> None:
    """Refuse a file whose first bytes are not its format's.

    Raises:
        CheckpointError: naming the file and what it is instead.
    """
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    told = told_by_its_start(start)
    if each.magic and start.startswith(each.magic):
        return
    if each.magic or (told is not None and each.kind != "pickle"):
        raise CheckpointError(
            f"{path} is no {each.title} but {told or 'something else'}: download it again"
        )
