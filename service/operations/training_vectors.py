"""The vectors that a training is measured by: of all its images, and of copies of some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.encoders.settings import EncoderSettings
from vitrail.indexer.indexing.ahead import map_ahead
from vitrail.service.operations.encoder_records import BegunRun
from vitrail.service.operations.progress import AnalysisProgress, Progress
from vitrail.service.operations.training_measures import HeldOutRetrieval
from vitrail.service.operations.tuning_samples import ALTERED, altered_copies, image_to_copy

if TYPE_CHECKING:
    from vitrail.indexer.encoders.base import Encoder

Floats = NDArray[np.float32]
_BATCH = 16


@dataclass(frozen=True, slots=True)
class TrainingVectors:
    """Asks encoders for vectors of a run's images.

    Attributes:
        spaces: that are measured.
        device: that encoders run on.
        workers: threads that read images.
        progress: told how far it is.
        cancellation: looked at between batches.
    """

    spaces: tuple[str, ...]
    device: str
    workers: int
    progress: Progress
    cancellation: Cancellation

    def encoder(self, name: str, *, classify: bool = False) -> Encoder:
        """Load a checkpoint by torch: to compile a model that is asked once takes longer.

        Args:
            name: Hub name, directory or embedded model.
            classify: also tell what the head says.
        """
        from vitrail.indexer.encoders import load_encoder

        return load_encoder(
            EncoderSettings(name, self.spaces, "torch", device=self.device, classify=classify)
        )

    def measured(
        self, run: BegunRun, encoder: Encoder, rows: dict[str, Floats]
    ) -> dict[str, HeldOutRetrieval]:
        """How well images that nothing was learned from are found by, in each space.

        Args:
            run: whose images.
            encoder: that made the rows.
            rows: space -> (n, dim) float32 of all of them.
        """
        task = run.task(len(ALTERED))
        if not (task.held.any() or task.unseen.any()):
            return {}
        copies = self._copies(run, encoder)
        return {space: task.measure(rows[space], copies[space]) for space in self.spaces}

    def _copies(self, run: BegunRun, encoder: Encoder) -> dict[str, Floats]:
        """Rows of the copies of some images, original after original."""
        from vitrail.indexer.encoders.batching import encode_resilient
        from vitrail.indexer.images.preprocess import apply

        dims = {space.name: space.dim for space in encoder.spaces}
        parts = {space: [np.empty((0, dims[space]), np.float32)] for space in self.spaces}
        for done, place in enumerate(run.originals.tolist(), 1):
            self.cancellation.check()
            made = altered_copies(image_to_copy(run.images[place].path))
            pixels = np.stack([apply(encoder.preprocess, one) for one in made])
            for space, found in encode_resilient(encoder, pixels).vectors.items():
                parts[space].append(found)
            self.progress(AnalysisProgress("measuring copies", done, len(run.originals)))
        return {space: np.concatenate(found) for space, found in parts.items()}

    def rows(self, run: BegunRun, encoder: Encoder) -> tuple[dict[str, Floats], Floats | None]:
        """Rows and logits of all images of a run, as an encoder makes them."""
        from vitrail.indexer.encoders.batching import encode_resilient
        from vitrail.indexer.training.samples import LabelledImage, TrainingImages

        known = [LabelledImage(one.path, one.content_hash) for one in run.images]
        images = TrainingImages(known, encoder.preprocess)
        vectors: dict[str, list[Floats]] = {space: [] for space in self.spaces}
        logits: list[Floats] = []
        for first in range(0, len(images), _BATCH):
            self.cancellation.check()
            places = range(first, min(first + _BATCH, len(images)))
            pixels = map_ahead(images.plain, places, workers=self.workers, ahead=_BATCH)
            found = encode_resilient(encoder, np.stack([*pixels]))
            for space, rows in found.vectors.items():
                vectors[space].append(rows)
            logits += [] if found.logits is None else [found.logits]
            self.progress(AnalysisProgress("measuring", places[-1] + 1, len(images)))
        joined = {space: np.concatenate(rows) for space, rows in vectors.items()}
        return joined, np.concatenate(logits) if logits else None
