"""Checkpoints whose weights are PyTorch pickles, made such that they may be loaded."""

from __future__ import annotations

from vitrail.indexer.errors import InputError


def convert(checkpoint: str | None) -> None:
    """Convert a checkpoint's pickle once, in a process of its own; others are left as they are.

    From then on the checkpoint is found by its name, as any other.

    Raises:
        InputError: none is named.
        CheckpointError: there is no such checkpoint, or it holds more than weights.
        CacheError: there is no room for the conversion.
    """
    from vitrail.indexer.encoders.directories import convert_pickle

    if checkpoint is None:
        raise InputError(
            "--convert-pickle is given without --checkpoint; name the one that is meant"
        )
    convert_pickle(checkpoint)
