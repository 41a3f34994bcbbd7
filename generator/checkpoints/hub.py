"""Hub names to local snapshots of diffusion checkpoints: safetensors and configurations only."""

from __future__ import annotations

from pathlib import Path

from vitrail.generator.checkpoints.component_files import is_whole
from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.wording import first_line

# Single-file copies at the top of a repository would double the download.
PATTERNS = ("*/*.safetensors", "*/*.json", "*/*.txt", "model_index.json")
# Other precisions and frameworks of the same weights.
IGNORED = ("*.fp16.safetensors", "*.non_ema.safetensors", "*flax*", "*onnx*", "*openvino*")


def snapshot(name: str, revision: str | None) -> tuple[Path, str]:
    """The local directory of ``org/name`` and its commit.

    What the cache holds is used without asking; ``hf download`` brings it up to date.

    Raises:
        CheckpointError: neither the cache nor the Hub has it.
    """
    folder = _cached(name, revision) or _download(name, revision)
    if not (folder / "model_index.json").is_file():
        raise CheckpointError(
            f"{name!r} is no diffusion checkpoint in diffusers' layout: it has no model_index.json"
        )
    return folder, folder.name


def _cached(name: str, revision: str | None) -> Path | None:
    """The cached snapshot, if all its parts are there."""
    try:
        folder = _fetch(name, revision, offline=True)
        return folder if is_whole(folder, name) else None
    except Exception:  # whatever it lacks, the Hub is asked next
        return None


def _download(name: str, revision: str | None) -> Path:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        return _fetch(name, revision, offline=False)
    except GatedRepoError as error:
        raise CheckpointError(
            f"{name!r} is gated: accept its terms on its Hub page, then `hf auth login`"
        ) from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(
            f"{name!r} is neither here nor a public model on the Hub: check the spelling, or log "
            f"in with `hf auth login` if it is private"
        ) from error
    except Exception as error:  # whatever it is, there is no way to the Hub
        raise CheckpointError(_unreachable(name, error)) from error


def _fetch(name: str, revision: str | None, *, offline: bool) -> Path:
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(
            name,
            revision=revision,
            allow_patterns=list(PATTERNS),
            ignore_patterns=list(IGNORED),
            local_files_only=offline,
            etag_timeout=10,
        )
    )


def _unreachable(name: str, error: Exception) -> str:
    reason = first_line(error, 120)
    return (
        f"{name!r}: the Hub cannot be reached ({type(error).__name__}: {reason}) and the cache "
        f"does not hold it; give a local directory or safetensors file, fill the cache on a "
        f"connected machine (`hf download {name}`), or use the embedded model: --model embedded"
    )
