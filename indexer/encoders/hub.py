"""Hub names to local snapshots: the cache without asking, else the Hub, once."""

from __future__ import annotations

import os
from pathlib import Path

from vitrail.indexer.encoders.processors import FILES as PREPROCESSOR_FILES
from vitrail.indexer.encoders.settings import EMBEDDED
from vitrail.indexer.encoders.weights import weight_files
from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.paths import at_home
from vitrail.indexer.wording import first_line

CONFIG_FILES = ("config.json", *PREPROCESSOR_FILES)
WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json", "model-*.safetensors")
TIMEOUT = 10.0  # seconds for the first answer; a download itself may take as long as it needs


def snapshot(name: str) -> Path:
    """The snapshot directory of ``org/name`` or ``org/name@revision``.

    What the cache holds is used without asking: a collection is bound to the weights that it was
    made with, so newer ones would only be refused. ``hf download`` brings the cache up to date.

    Raises:
        CheckpointError: neither the cache nor the Hub has it.
    """
    repository, _, revision = name.partition("@")
    cached = _cached(repository, revision)
    if cached is not None:
        return cached
    if _offline():
        raise _unavailable(name, "the Hub is switched off (HF_HUB_OFFLINE)")
    return _download(repository, revision, name)


def _offline() -> bool:
    # The variables themselves: huggingface_hub reads them once, at import.
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    return any(os.environ.get(n, "").upper() in ("1", "ON", "YES", "TRUE") for n in names)


def _download(repository: str, revision: str, name: str) -> Path:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    try:
        # One call with a short limit tells whether the Hub answers, before any retrying download.
        info = HfApi().model_info(repository, revision=revision or None, timeout=TIMEOUT)
        return Path(
            snapshot_download(
                repository,
                revision=info.sha,
                allow_patterns=[*CONFIG_FILES, *WEIGHT_FILES],
            )
        )
    except GatedRepoError as error:
        raise CheckpointError(
            f"{name!r} is gated: accept its terms on its Hub page, then `hf auth login`"
        ) from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(
            f"{name!r} is neither a directory here nor a public model on the Hub: check the "
            f"spelling, or log in with `hf auth login` if it is private"
        ) from error
    except HfHubHTTPError as error:
        raise _unavailable(name, f"the Hub refused ({first_line(error, 120)})") from error
    except Exception as error:
        # httpx, requests, ssl and OS errors alike mean that there is no way to the Hub.
        raise _unavailable(name, f"the Hub cannot be reached ({_kind(error)})") from error


def _unavailable(name: str, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{name!r}: {reason} and the cache does not hold it; give a local directory instead, "
        f"fill the cache on a connected machine (`hf download {name.partition('@')[0]}`, then copy "
        f"~/.cache/huggingface), or use the embedded model: --checkpoint {EMBEDDED}"
    )


def _cached(repository: str, revision: str) -> Path | None:
    """The cached snapshot, if it holds all that an encoder needs."""
    cache = _cache_folder() / f"models--{repository.replace('/', '--')}"
    wanted = revision or "main"
    reference = cache / "refs" / wanted
    commit = reference.read_text().strip() if reference.is_file() else wanted
    folder = cache / "snapshots" / commit
    if not (folder / "config.json").is_file():
        return None
    if not any((folder / file).is_file() for file in PREPROCESSOR_FILES):
        return None
    try:
        return folder if weight_files(folder, repository) else None
    except CheckpointError:  # a download that was broken off; the next one goes on from there
        return None


def _cache_folder() -> Path:
    """The same rules as huggingface_hub, without importing it (a cold query must not)."""
    if chosen := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return at_home(chosen)
    home = os.environ.get("HF_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME", "~/.cache"), "huggingface"
    )
    return at_home(home) / "hub"


def _kind(error: Exception) -> str:
    return f"{type(error).__name__}: {first_line(error, 120)}".removesuffix(": ")
