"""The one door to encoders: settings in, a ready encoder out; light to import."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vitrail.indexer.encoders.libraries import LOADING
from vitrail.indexer.encoders.settings import EncoderSettings
from vitrail.indexer.errors import RuntimeUnusableError

if TYPE_CHECKING:  # these bring numpy and Pillow
    from vitrail.indexer.encoders.base import Encoder, TextEncoder
    from vitrail.indexer.encoders.checkpoints import Checkpoint
    from vitrail.indexer.encoders.runtimes import Runtime
    from vitrail.indexer.fingerprint import Fingerprint
    from vitrail.indexer.spaces import EmbeddingSpace

_LOG = logging.getLogger(__name__)


def load_encoder(settings: EncoderSettings) -> Encoder:
    """Load an encoder; threads that load at once do so one after the other.

    Where ``settings.runtime`` is ``auto``, that is OpenVINO on x86 CPUs where it is installed, has
    passed its trial, and no CUDA device is there; else torch.

    Raises:
        CheckpointError: the checkpoint is missing, refused or unsupported, or is to classify
            and has no head.
        InputError: an unknown space, runtime, device or precision.
        RuntimeUnusableError: the runtime that was named failed its trial on this machine.
    """
    from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
    from vitrail.indexer.encoders.runtimes import runtimes_for

    with LOADING:  # torch may have to be asked for its devices
        runtimes = runtimes_for(settings)
    found = find_encoder_checkpoint(settings.checkpoint)
    spaces = found.select(settings.spaces)
    if settings.classify:
        found.classes()  # refused before anything is loaded
    if found.export is not None:
        from vitrail.indexer.encoders.graph_encoder import load_exported

        with LOADING:
            return load_exported(found, spaces, settings)
    with LOADING:
        return _load_first(runtimes, found, spaces, settings)


def _load_first(
    runtimes: Sequence[Runtime],
    found: Checkpoint,
    spaces: Sequence[EmbeddingSpace],
    settings: EncoderSettings,
) -> Encoder:
    """By the first runtime that passes its trial; the last one's errors are told."""
    *others, last = runtimes
    for runtime in others:
        try:
            return runtime.load(found, spaces, settings)
        except RuntimeUnusableError as error:
            _LOG.warning("using %s: %s", last.name, error)
    return last.load(found, spaces, settings)


def load_text_encoder(settings: EncoderSettings) -> TextEncoder:
    """Load the text tower of a checkpoint, by torch whatever ``settings.runtime`` says.

    Raises:
        CheckpointError: the checkpoint is missing or refused, or has no text tower or tokenizer.
        InputError: an unknown device or precision.
    """
    from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
    from vitrail.indexer.encoders.tokenizers import has_vocabulary

    found = find_encoder_checkpoint(settings.checkpoint)
    found.text_family()  # refused before anything is loaded
    if not has_vocabulary(found.directory):
        found = find_encoder_checkpoint(settings.checkpoint, tokenizer=True)
    with LOADING:
        from vitrail.indexer.encoders.text_encoder import TorchTextEncoder

        return TorchTextEncoder(found, device=settings.device, precision=settings.precision)


def check_runtime(settings: EncoderSettings) -> None:
    """Refuse a runtime that is named and cannot be used, before anything is made for it.

    Raises:
        InputError: it is unknown or not installed.
    """
    if settings.runtime != "auto":
        from vitrail.indexer.encoders.runtimes import runtimes_for

        runtimes_for(settings)


def read_labels(checkpoint: str) -> tuple[str, ...]:
    """The class names of a checkpoint's head, without loading any framework.

    Raises:
        CheckpointError: the checkpoint is missing, refused or unsupported, or has no head.
    """
    from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint

    return find_encoder_checkpoint(checkpoint).classes()


def read_fingerprint(checkpoint: str, spaces: Sequence[str] = ()) -> Fingerprint:
    """The fingerprint an encoder would have, without loading any framework.

    Args:
        checkpoint: as in ``EncoderSettings``.
        spaces: names of spaces; none for the checkpoint's default.

    Raises:
        CheckpointError: the checkpoint is missing, refused or unsupported.
        InputError: an unknown space.
    """
    from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint

    found = find_encoder_checkpoint(checkpoint)
    return found.fingerprint(found.select(spaces))
