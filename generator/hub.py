"""Hub names to local snapshots of diffusion checkpoints: safetensors and configurations only."""

from __future__ import annotations

from pathlib import Path

from indexer.errors import CheckpointError

# Single-file copies at the top of a repository would double the download.
PATTERNS = ("*/*.safetensors", "*/*.json", "*/*.txt", "model_index.json")
# Other precisions and frameworks of the same weights.
IGNORED = ("*.fp16.safetensors", "*.non_ema.safetensors", "*flax*", "*onnx*", "*openvino*")


def snapshot(name: str, revision: str | None) -> tuple[Path, str]:
    """The local directory of ``org/name`` and its commit; the cache serves when offline.

    Raises:
        CheckpointError: neither the Hub nor the cache has it.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    def fetch(*, offline: bool) -> Path:
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

    try:
        folder = fetch(offline=False)
    except GatedRepoError as error:
        raise CheckpointError(
            f"{name!r} is gated: accept its terms on its Hub page, then `hf auth login`"
        ) from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(
            f"{name!r} is neither here nor a public model on the Hub: check the spelling, or log "
            f"in with `hf auth login` if it is private"
        ) from error
    except Exception as error:  # whatever it is, there is no way to the Hub; the cache may do
        try:
            folder = fetch(offline=True)
        except Exception:
            raise CheckpointError(_unreachable(name, error)) from error
    if not (folder / "model_index.json").is_file():
        raise CheckpointError(
            f"{name!r} is no diffusion checkpoint in diffusers' layout: it has no model_index.json"
        )
    return folder, folder.name


def _unreachable(name: str, error: Exception) -> str:
    reason = (str(error).strip().splitlines() or [""])[0][:120]
    return (
        f"{name!r}: the Hub cannot be reached ({type(error).__name__}: {reason}) and the cache "
        f"does not hold it; give a local directory or safetensors file, fill the cache on a "
        f"connected machine (`hf download {name}`), or use the embedded model: --model embedded"
    )
