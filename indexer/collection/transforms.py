"""The files that hold how derived spaces are worked out; each is called by its own checksum."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress

from vitrail.indexer.catalog.derived import DerivedSpace
from vitrail.indexer.errors import CollectionError, DamagedError, InputError
from vitrail.indexer.files.durability import TEMPORARY, make_directory, sync_directory, write_bytes
from vitrail.indexer.files.reading import exists, read_bytes, reading
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.spaces import parse_whitened, whitened_name
from vitrail.indexer.vectors.whitening import Whitening

FOLDER = "transforms"
SUFFIX = ".safetensors"
_LOST = "run `vitrail verify --repair`, which drops the space, and fit it again: "


def digest(data: bytes) -> str:
    """Sha256 (hex) of a transform's file, by which it is called."""
    return hashlib.sha256(data).hexdigest()


def path_of(directory: str, space: DerivedSpace) -> str:
    """The file that a collection has a space's transform in."""
    return os.path.join(directory, FOLDER, space.digest + SUFFIX)


def remedy(space: DerivedSpace, weights: Iterable[str] = ()) -> str:
    """What to do where a transform is lost: nothing else is, and it can be fitted again.

    Args:
        space: whose transform it is.
        weights: as of ``fitting``, before the repair forgets them.
    """
    return f"{_LOST}`{fitting(space.name, weights)}`"


def fitting(name: str, weights: Iterable[str] = ()) -> str:
    """The command that fits a derived space.

    Args:
        name: of the space.
        weights: the spaces that searches weigh by default; where it is the only one, the command
            makes it that again.
    """
    base, cut = parse_whitened(name)
    default = " --default" if [*weights] == [name] else ""
    return f"vitrail whiten {base}" + (f" --dim {cut}" if cut else "") + default


class Transforms:
    """The transforms of a collection, each read once; threads may share it.

    Args:
        directory: the collection's.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._read: dict[str, Whitening] = {}

    def get(
        self, space: DerivedSpace, fingerprint: Fingerprint, weights: Iterable[str] = ()
    ) -> Whitening:
        """How a space is worked out of its base.

        Args:
            space: which.
            fingerprint: of the encoder whose vectors it was fitted on.
            weights: the spaces that searches weigh by default, of which the remedy depends.

        Raises:
            UnreadableError: the file cannot be read now.
            DamagedError: it is damaged, or of another encoder.
            CollectionError: it is missing.
        """
        held = self._read.get(space.digest)
        if held is None:
            held = self._read[space.digest] = load(self._directory, space, fingerprint, weights)
        return held


def load(
    directory: str, space: DerivedSpace, fingerprint: Fingerprint, weights: Iterable[str] = ()
) -> Whitening:
    """As ``Transforms.get``, from its file."""
    try:
        data = read_bytes(path_of(directory, space))
    except FileNotFoundError as error:
        if any(one.name == space.name for one in found(directory, fingerprint)):
            raise CollectionError(
                f"space {space.name} was fitted anew since this was opened",
                remedy="refresh, and ask again",
            ) from error
        raise CollectionError(
            f"the transform of space {space.name} is missing", remedy=remedy(space, weights)
        ) from error
    try:
        return _read(data, space, fingerprint)
    except ValueError as error:
        raise DamagedError(
            f"the transform of space {space.name} is damaged: {error}",
            remedy=remedy(space, weights),
        ) from error


def found(directory: str, fingerprint: Fingerprint) -> list[DerivedSpace]:
    """The spaces of all sound transforms that lie there, listed or not.

    Raises:
        UnreadableError: a transform cannot be read now.
    """
    folder = os.path.join(directory, FOLDER)
    if not os.path.isdir(folder):
        return []
    with reading(folder):
        names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))
    spaces = []
    for name in names:
        # what is none, or went meanwhile, is swept by the next writer
        with suppress(InputError, FileNotFoundError):
            space = _named(read_bytes(os.path.join(folder, name)), fingerprint)
            if name == space.digest + SUFFIX:
                spaces.append(space)
    return spaces


def _named(data: bytes, fingerprint: Fingerprint) -> DerivedSpace:
    """The space of a transform, whose name follows from what it is made of, and its cut.

    Files of before told no cut: there, one that cuts nothing away is taken for none.
    """
    try:
        fitted, told = Whitening.read(data)
    except ValueError as error:
        raise InputError(error) from error
    cuts = fitted.width < fitted.dim or told.get("cut") == fitted.width
    name = whitened_name(str(told.get("base")), fitted.width if cuts else None)
    return described(name, data, fingerprint)


def described(name: str, data: bytes, fingerprint: Fingerprint) -> DerivedSpace:
    """The space of a name that a transform's file makes.

    Raises:
        InputError: it is no transform of such a space of this encoder.
    """
    base, cut = parse_whitened(name)
    try:
        found, told = Whitening.read(data)
        numbers = _numbers(told)
        space = DerivedSpace(whitened_name(base, cut), base, digest(data), found.width, *numbers)
        _read(data, space, fingerprint)
    except ValueError as error:
        raise InputError(
            f"the transform of space {name!r:.100} cannot be taken: {error}"
        ) from error
    return space


def _numbers(told: Mapping[str, object]) -> tuple[int, int]:
    """On how many images it was fitted, and the commit that they are of."""
    rows, seq = told.get("rows"), told.get("commit")
    if isinstance(rows, int) and isinstance(seq, int):
        return rows, seq
    raise ValueError("it does not tell what it was fitted on")


def _read(data: bytes, space: DerivedSpace, fingerprint: Fingerprint) -> Whitening:
    """A transform, held against the space that it is to be."""
    if digest(data) != space.digest:
        raise ValueError("its bytes are not those that were written")
    found, told = Whitening.read(data)
    if told.get("fingerprint") != fingerprint.digest:
        raise ValueError("it was fitted on vectors of another encoder")
    widths = dict(fingerprint.spaces)
    if told.get("base") != space.base or found.dim != widths.get(space.base):
        raise ValueError(f"it was not fitted on the space {space.base} of this encoder")
    _, cut = parse_whitened(space.name)
    if found.width != space.dim or (cut or found.dim) != space.dim:
        raise ValueError(f"it gives {found.width} dimensions, which {space.name} has not")
    return found


def to_file(
    fitted: Whitening,
    base: str,
    fingerprint: Fingerprint,
    rows: int,
    seq: int,
    cut: int | None = None,
) -> bytes:
    """A transform as its file has it.

    Args:
        fitted: the transform.
        base: the space that it was fitted on.
        fingerprint: of that space's encoder.
        rows: on how many images.
        seq: the commit that they are of.
        cut: how many directions were asked for, where that is part of the space's name.
    """
    told = {"base": base, "fingerprint": fingerprint.digest, "rows": rows, "commit": seq}
    if cut is not None:
        told["cut"] = cut
    return fitted.to_bytes(told)


def write(directory: str, data: bytes) -> str:
    """Write a transform's file durably, which counts once the catalog lists it.

    Returns:
        its sha256 (hex), by which it is called.

    Raises:
        OSError: the disk is full or refuses.
    """
    folder = os.path.join(directory, FOLDER)
    make_directory(folder)
    name = digest(data)
    write_bytes(os.path.join(folder, name + SUFFIX), data)
    return name


def sweep(directory: str, listed: Iterable[DerivedSpace]) -> None:
    """Delete what no space is worked out by, unfinished files among them; the writer does that.

    Raises:
        OSError: the disk refuses.
    """
    folder = os.path.join(directory, FOLDER)
    if not exists(folder):
        return
    kept = {space.digest + SUFFIX for space in listed}
    with reading(folder):
        found = {
            entry.name
            for entry in os.scandir(folder)
            # What is no file would let nobody write any more.
            if not entry.is_dir(follow_symlinks=False) and entry.name.endswith((SUFFIX, TEMPORARY))
        }
    for name in found - kept:
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, name))
    if found - kept:
        sync_directory(folder)
