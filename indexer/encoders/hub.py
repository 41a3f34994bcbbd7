"""Hub names to local snapshots: the cache without asking, else the Hub, once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.paths import at_home
from vitrail.indexer.wording import first_line

TIMEOUT = 10.0  # seconds for the first answer; a download itself may take as long as it needs


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of repositories of one kind.

    Attributes:
        files: patterns of the files to fetch.
        others: patterns of those among them to leave out.
        is_whole: whether a snapshot's folder holds all that is needed; may raise
            ``CheckpointError`` where it does not.
        instead: what a user may give in place of a Hub name, such as ``a local directory``.
        embedded: the option that names the model which needs no Hub.
        instead_of: given the names of all files of a repository, patterns to fetch in place of
            ``files``; ``None`` where these are all that may be wanted.
    """

    files: tuple[str, ...]
    others: tuple[str, ...]
    is_whole: Callable[[Path], bool]
    instead: str
    embedded: str
    instead_of: Callable[[Sequence[str]], Sequence[str]] | None = None


def snapshot(repository: str, revision: str | None, wanted: Wanted) -> Path:
    """The snapshot directory of ``org/name``, whose own name is the commit.

    What the cache holds is used without asking: a collection is bound to the weights that it was
    made with, so newer ones would only be refused. ``hf download`` brings the cache up to date.

    Args:
        repository: ``org/name``.
        revision: branch, tag or commit; ``None`` for the newest.
        wanted: of its files.

    Raises:
        CheckpointError: neither the cache nor the Hub has it.
    """
    cached = cached_snapshot(repository, revision)
    if cached is not None and _holds(cached, wanted):
        return cached
    if _is_switched_off():
        reason = "the Hub is switched off (HF_HUB_OFFLINE)"
        raise _unavailable(repository, revision, wanted, reason)
    return _download(repository, revision, wanted)


def cached_snapshot(repository: str, revision: str | None = None) -> Path | None:
    """The folder in the Hub's cache, whatever it holds; ``None`` where there is none.

    huggingface_hub is not imported for it, which a cold query must not wait for.
    """
    cache = _cache_folder() / f"models--{repository.replace('/', '--')}"
    wanted = revision or "main"
    reference = cache / "refs" / wanted
    commit = reference.read_text().strip() if reference.is_file() else wanted
    folder = cache / "snapshots" / commit
    return folder if folder.is_dir() else None


def _holds(folder: Path, wanted: Wanted) -> bool:
    try:
        return wanted.is_whole(folder)
    except CheckpointError:  # a download that was broken off; the next one goes on from there
        return False


def _is_switched_off() -> bool:
    # The variables themselves: huggingface_hub reads them once, at import.
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    return any(os.environ.get(n, "").upper() in ("1", "ON", "YES", "TRUE") for n in names)


def _download(repository: str, revision: str | None, wanted: Wanted) -> Path:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    name = _named(repository, revision)
    try:
        # One call with a short limit tells whether the Hub answers, before any retrying download.
        info = HfApi().model_info(repository, revision=revision, timeout=TIMEOUT)
        files = wanted.files
        if wanted.instead_of is not None:
            files = tuple(wanted.instead_of([one.rfilename for one in info.siblings or ()]))
        return Path(
            snapshot_download(
                repository,
                revision=info.sha,
                allow_patterns=list(files),
                ignore_patterns=list(wanted.others),
            )
        )
    except GatedRepoError as error:
        raise CheckpointError(
            f"{name!r} is gated: accept its terms on its Hub page, then `hf auth login`"
        ) from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(
            f"{name!r} is neither here nor a public model on the Hub: check the spelling, or log "
            f"in with `hf auth login` if it is private"
        ) from error
    except HfHubHTTPError as error:
        reason = f"the Hub refused ({first_line(error, 120)})"
        raise _unavailable(repository, revision, wanted, reason) from error
    except Exception as error:
        # httpx, requests, ssl and OS errors alike mean that there is no way to the Hub.
        reason = f"the Hub cannot be reached ({_kind(error)})"
        raise _unavailable(repository, revision, wanted, reason) from error


def _named(repository: str, revision: str | None) -> str:
    return f"{repository}@{revision}" if revision else repository


def _unavailable(
    repository: str, revision: str | None, wanted: Wanted, reason: str
) -> CheckpointError:
    return CheckpointError(
        f"{_named(repository, revision)!r}: {reason} and the cache does not hold it; give "
        f"{wanted.instead} instead, fill the cache on a connected machine (`hf download "
        f"{repository}`, then copy ~/.cache/huggingface), or use the embedded model: "
        f"{wanted.embedded}"
    )


def _cache_folder() -> Path:
    """The same rules as huggingface_hub's."""
    if chosen := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return at_home(chosen)
    home = os.environ.get("HF_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME", "~/.cache"), "huggingface"
    )
    return at_home(home) / "hub"


def _kind(error: Exception) -> str:
    return f"{type(error).__name__}: {first_line(error, 120)}".removesuffix(": ")
