"""The encoder of a collection: given, or loaded when it is first needed, and held to it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from vitrail.indexer.encoders.settings import EncoderSettings
from vitrail.indexer.errors import FingerprintMismatchError, InputError

if TYPE_CHECKING:  # these bring Pillow and the runtimes, which a look at metadata does not need
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.encoders.base import Encoder, TextEncoder
    from vitrail.indexer.encoders.waiting import WaitingEncoder
    from vitrail.indexer.fingerprint import Fingerprint

AS_IT_COMES = EncoderSettings()


class OwnEncoder:
    """A collection's encoder; threads may share it.

    Args:
        store: the collection, which says which encoder it is.
        settings: of these, how it is run.
        encoder: one that is ready; ``None`` loads it when it is needed.

    Attributes:
        batches: images of a batch -> how many batches had so many, since it was loaded.
    """

    def __init__(
        self, store: CollectionStore, settings: EncoderSettings, encoder: Encoder | None
    ) -> None:
        self._store, self._settings, self._encoder = store, settings, encoder
        self._named: Fingerprint | None = None
        self._texts: TextEncoder | None = None
        self._loading = threading.Lock()
        self.batches = Counter[int]()

    @property
    def settings(self) -> EncoderSettings:
        """What loads it, here or in another process."""
        names = tuple(name for name, _ in self._store.fingerprint.spaces)
        return replace(self._settings, checkpoint=self.expected.checkpoint, spaces=names)

    def take(self, checkpoint: str) -> None:
        """Run another checkpoint of the same vectors: a certified export, or a copy elsewhere.

        It serves until all is embedded anew by something else.

        Raises:
            CheckpointError: it cannot be had.
            FingerprintMismatchError: it makes other vectors than the collection's.
            InputError: it does not give the collection's spaces.
        """
        from vitrail.indexer.encoders import read_fingerprint

        names = [name for name, _ in self._store.fingerprint.spaces]
        named = read_fingerprint(checkpoint, names)
        self._store.check(named)
        with self._loading:
            self._named, self._encoder = named, None

    @property
    def expected(self) -> Fingerprint:
        """The collection's, by the checkpoint that is run."""
        own, named = self._store.fingerprint, self._named
        return named if named is not None and named.agrees(own) else own

    def get(self) -> Encoder:
        """The encoder, loaded once for each fingerprint and held to it.

        Raises:
            CheckpointError: the checkpoint cannot be had any more.
            FingerprintMismatchError: the checkpoint has changed since the collection was made.
        """
        with self._loading:
            known = self._encoder
            if known is None or not known.fingerprint.agrees(self._store.fingerprint):
                self._encoder = known = self._load(classify=False)
            return known

    def texts(self) -> TextEncoder:
        """The text tower of the same checkpoint, loaded once for its weights and held to them.

        Raises:
            CheckpointError: the checkpoint cannot be had any more, or reads no texts.
            FingerprintMismatchError: it has changed since the collection was made.
        """
        from vitrail.indexer.encoders import load_text_encoder

        with self._loading:
            own = self._store.fingerprint
            if self._texts is None or self._texts.weights != own.weights:
                loaded = load_text_encoder(replace(self.settings, checkpoint=own.checkpoint))
                if loaded.weights != own.weights:
                    raise FingerprintMismatchError(
                        f"{own.checkpoint} has other weights than when the collection was made, "
                        "and its texts lie elsewhere than its images did; bring the former "
                        "checkpoint back, or embed anew with `vitrail reembed`"
                    )
                self._texts = loaded
            return self._texts

    def classifier(self) -> Encoder:
        """One that also gives the logits of the checkpoint's head, loaded when it is first needed.

        Raises:
            CheckpointError: the checkpoint cannot be had, or has no head.
        """
        return self.waiting(classifies=True, on_load=lambda: None)

    def waiting(self, *, classifies: bool, on_load: Callable[[], None]) -> WaitingEncoder:
        """One that is loaded when it first has something to embed.

        Args:
            classifies: whether it also gives the logits of the checkpoint's head.
            on_load: called before it is loaded.
        """
        from vitrail.indexer.encoders import read_labels
        from vitrail.indexer.encoders.waiting import WaitingEncoder

        own, held = self.expected, self._encoder
        fits = held is not None and held.fingerprint.agrees(own)
        labels = held.labels if held is not None and fits else None
        if not classifies or labels is not None:  # the one that is held serves
            known = labels if classifies else None
            return WaitingEncoder(own, self.get, labels=known, on_load=on_load)
        return WaitingEncoder(
            own,
            lambda: self._load(classify=True),
            labels=read_labels(own.checkpoint),
            on_load=on_load,
        )

    def _load(self, *, classify: bool) -> Encoder:
        from vitrail.indexer.encoders import load_encoder
        from vitrail.indexer.encoders.gathering import GatheringEncoder

        encoder = load_encoder(replace(self.settings, classify=classify))
        self._store.check(encoder.fingerprint)
        return GatheringEncoder(encoder, batches=self.batches)


def choose(
    encoder: Encoder | EncoderSettings | None, named: EncoderSettings
) -> Encoder | EncoderSettings:
    """What was given, in one way or the other.

    Raises:
        InputError: in both.
    """
    if encoder is None:
        return named
    if named != AS_IT_COMES:
        raise InputError(
            "encoder= was given beside checkpoint, spaces, runtime, device or precision; leave "
            "these out, or give EncoderSettings that hold them"
        )
    return encoder
