"""The one door to encoders: settings in, a ready encoder out; light to import."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vitrail.indexer.encoders.settings import DEFAULT_CHECKPOINT, EncoderSettings
from vitrail.indexer.errors import CheckpointError, RuntimeUnusableError

if TYPE_CHECKING:  # these bring numpy and Pillow
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.indexer.encoders.checkpoints import Checkpoint
    from vitrail.indexer.fingerprint import Fingerprint

_LOG = logging.getLogger(__name__)


def load_encoder(settings: EncoderSettings) -> Encoder:
    """Load an encoder.

    Where ``settings.runtime`` is ``auto``, that is OpenVINO on x86 CPUs where it is installed, has
    passed its trial, and no CUDA device is there; else torch.

    Raises:
        CheckpointError: the checkpoint is missing, refused or unsupported, or is to classify
            and has no head.
        InputError: an unknown space, runtime, device or precision.
        RuntimeUnusableError: the runtime that was named failed its trial on this machine.
    """
    from vitrail.indexer.encoders.checkpoints import find_checkpoint
    from vitrail.indexer.encoders.runtimes import runtimes_for

    *others, last = runtimes_for(settings)
    found = find_checkpoint(settings.checkpoint)
    spaces = found.select(settings.spaces)
    if settings.classify:
        _head(found)
    for runtime in others:
        try:
            return runtime.load(found, spaces, settings)
        except RuntimeUnusableError as error:
            _LOG.warning("using %s: %s", last.name, error)
    return last.load(found, spaces, settings)


def read_labels(checkpoint: str) -> tuple[str, ...]:
    """The class names of a checkpoint's head, without loading any framework.

    Raises:
        CheckpointError: the checkpoint is missing, refused or unsupported, or has no head.
    """
    from vitrail.indexer.encoders.checkpoints import find_checkpoint

    return _head(find_checkpoint(checkpoint))


def _head(found: Checkpoint) -> tuple[str, ...]:
    if not found.labels:
        raise CheckpointError(
            f"{found.name!r} has no classification head: leave out --classify, or use a checkpoint "
            f"with one, such as {DEFAULT_CHECKPOINT}"
        )
    return found.labels


def read_fingerprint(checkpoint: str, spaces: Sequence[str] = ()) -> Fingerprint:
    """The fingerprint an encoder would have, without loading any framework.

    Args:
        checkpoint: as in ``EncoderSettings``.
        spaces: names of spaces; none for the checkpoint's default.

    Raises:
        CheckpointError: the checkpoint is missing, refused or unsupported.
        InputError: an unknown space.
    """
    from vitrail.indexer.encoders.checkpoints import find_checkpoint

    found = find_checkpoint(checkpoint)
    return found.fingerprint(found.select(spaces))
