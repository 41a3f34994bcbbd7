"""Checkpoint names to directories of safetensors, which may have to be fetched or converted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vitrail.indexer.encoders.exports import is_export
from vitrail.indexer.encoders.focus import embedded_directory
from vitrail.indexer.encoders.foreign.kept import kept_conversion
from vitrail.indexer.encoders.foreign.sources import (
    PICKLES,
    find_source,
    patterns_among,
    source_of_file,
)
from vitrail.indexer.encoders.hub import Wanted, snapshot
from vitrail.indexer.encoders.processors import FILES as PREPROCESSOR_FILES
from vitrail.indexer.encoders.settings import EMBEDDED
from vitrail.indexer.encoders.tokenizers import FILES as TOKENIZER_FILES
from vitrail.indexer.encoders.tokenizers import has_vocabulary
from vitrail.indexer.encoders.weights import check_plain, weight_files
from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.paths import at_home

WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json", "model-*.safetensors")
CARRIED = ("config.json", *PREPROCESSOR_FILES, *TOKENIZER_FILES)
"""What a checkpoint's directory holds beside its weights."""


def find_directory(name: str, *, tokenizer: bool = False) -> tuple[Path, str | None]:
    """Where a checkpoint's safetensors are, fetched or converted first where they must be.

    Args:
        name: of the checkpoint.
        tokenizer: ask the Hub where the cache lacks it.

    Returns:
        The directory; and where it is a conversion, sha256 (hex) of the weights it was made of,
        which stays the same whichever version of safetensors wrote it.

    Raises:
        CheckpointError: there is no such checkpoint, or it cannot be converted.
        CacheError: there is no room for the conversion.
    """
    return _directory(_given(name, WITH_TOKENIZER if tokenizer else WANTED), name)


def convert_pickle(name: str) -> Path:
    """Convert a checkpoint's PyTorch pickle to safetensors, in a process of its own, weights only.

    From then on the checkpoint is found by its name, as any other. One that has its weights in
    another format is left as it is.

    Args:
        name: of the checkpoint, as in ``find_encoder_checkpoint``.

    Returns:
        The directory with the safetensors.

    Raises:
        CheckpointError: there is no such checkpoint, or it holds more than weights.
        CacheError: there is no room for the conversion.
    """
    from vitrail.indexer.encoders.foreign.pickles import convert_pickles

    given = _given(name, WITH_PICKLES)
    if given.is_dir() and not _has_safetensors(given) and find_source(given, name) is None:
        check_plain(given, name)
        source = find_source(given, name, formats=(PICKLES,))
        if source is None:
            raise CheckpointError(no_weights(name, given))
        return convert_pickles(source, given, CARRIED, name)
    return _directory(given, name)[0]


def _given(name: str, wanted: Wanted) -> Path:
    """The directory or file that a name stands for, fetched where it is a Hub name."""
    if name == EMBEDDED:
        return embedded_directory()
    path = at_home(name)
    if path.is_dir():
        return path
    if path.exists():
        if source_of_file(path) is None:
            raise CheckpointError(
                f"{name!r} is a file: give the directory that holds config.json and "
                f"model.safetensors"
            )
        return path
    repository, _, revision = name.partition("@")
    if repository.count("/") != 1 or not all(repository.split("/")) or name[0] in "./~":
        raise CheckpointError(
            f"{name!r} is no directory here and no Hub name (org/name): give one of these, or the "
            f"embedded model {EMBEDDED}"
        )
    return snapshot(repository, revision or None, wanted)


def _directory(given: Path, name: str) -> tuple[Path, str | None]:
    """Where the safetensors are; and where they are a conversion, sha256 (hex) of its source."""
    if given.is_file():
        source, beside = source_of_file(given), None
    elif name == EMBEDDED or _has_safetensors(given) or is_export(given):
        return given, None
    else:
        source, beside = find_source(given, name), given
    if source is not None:
        from vitrail.indexer.encoders.foreign.conversion import converted_directory

        check_plain(given, name)
        return converted_directory(source, beside, CARRIED, name), source.sha256()
    pickled = find_source(given, name, formats=(PICKLES,))
    kept = None if pickled is None else kept_conversion(pickled, given, CARRIED)
    return (given, None) if pickled is None or kept is None else (kept, pickled.sha256())


def _has_safetensors(folder: Path) -> bool:
    return any((folder / file).is_file() for file in WEIGHT_FILES[:2])


def _is_whole(folder: Path) -> bool:
    """Whether a folder holds all that an encoder needs."""
    source = None if _has_safetensors(folder) else find_source(folder, str(folder))
    if source is not None and source.format.kind == "google":  # which says all by itself
        return True
    if not _has_settings(folder):
        return False
    if source is None and not _has_safetensors(folder):
        pickled = find_source(folder, str(folder), formats=(PICKLES,))
        return pickled is not None and kept_conversion(pickled, folder, CARRIED) is not None
    return source is not None or bool(weight_files(folder, str(folder)))


def _has_settings(folder: Path) -> bool:
    has_processor = any((folder / file).is_file() for file in PREPROCESSOR_FILES)
    return has_processor and (folder / "config.json").is_file()


def _to_fetch(files: Sequence[str]) -> tuple[str, ...]:
    """Of a repository's files: its safetensors, or else what another framework has written."""
    if any(file in files for file in WEIGHT_FILES[:2]):
        return WANTED.files
    return (*CARRIED, *patterns_among(files))


WANTED = Wanted(
    files=(*CARRIED, *WEIGHT_FILES),
    others=(),
    is_whole=_is_whole,
    instead="a local directory",
    embedded=f"--checkpoint {EMBEDDED}",
    instead_of=_to_fetch,
)
"""Of a repository on the Hub: the configurations and the weights in its folder."""


WITH_TOKENIZER = replace(
    WANTED, is_whole=lambda folder: _is_whole(folder) and has_vocabulary(folder)
)
"""The same for who asks by texts."""
WITH_PICKLES = replace(
    WANTED,
    is_whole=lambda folder: (
        _has_settings(folder) and find_source(folder, str(folder), formats=(PICKLES,)) is not None
    ),
    instead_of=lambda files: (*_to_fetch(files), *PICKLES.patterns),
)
"""The same for who has asked to convert a pickle."""


def no_weights(name: str, directory: Path) -> str:
    """What to say of a directory without safetensors, and without weights to convert.

    Args:
        name: the checkpoint.
        directory: where it is.
    """
    pickled = find_source(directory, name, formats=(PICKLES,))
    if pickled is not None:
        return (
            f"{name!r} has its weights only as {pickled.name}, a pickle, which is refused since it "
            f"can run code: --convert-pickle reads it in a process of its own, weights only, and "
            f"keeps them as safetensors; or convert it where you trust it, with transformers' "
            f"AutoModel.from_pretrained(...).save_pretrained(DIR), and give DIR"
        )
    return (
        f"{name!r} has no model.safetensors: download it again, or give another checkpoint (where "
        f"it is on the Hub as a PyTorch pickle alone, --convert-pickle fetches and converts that)"
    )
