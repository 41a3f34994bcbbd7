"""How near an export's vectors are to its source's, measured, and whether that is near enough."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.encoders.exports import FORMAT, certificate_checksum
from vitrail.indexer.fingerprint import Fingerprint

Floats = NDArray[np.float32]
NEAREST = 10
"""Hits of a search that are compared."""


@dataclass(frozen=True, slots=True)
class Floor:
    """What an export must reach, at the least.

    Attributes:
        least: cosine of the worst image's vectors, in every stored space.
        median: cosine of half of the images, in every stored space.
        overlap: share of the ten nearest that stay, in the spaces that searches weigh.
        copies: how much smaller a share of copies may find its original first.
        head: share of images that the head gives the same label.
    """

    least: float
    median: float
    overlap: float
    copies: float
    head: float


FLOORS: Mapping[str, Floor] = {
    "fp32": Floor(0.99999, 0.99999, 0.99, 0.0, 0.999),
    "fp16": Floor(0.99, 0.9995, 0.96, 0.02, 0.98),
    "bf16": Floor(0.99, 0.9995, 0.96, 0.02, 0.98),
    "int8": Floor(0.95, 0.995, 0.95, 0.02, 0.95),
    "int4": Floor(0.80, 0.95, 0.80, 0.05, 0.90),
}


@dataclass(frozen=True, slots=True)
class SpaceMeasure:
    """How near the vectors of one space are.

    Attributes:
        least: cosine of the worst image.
        median: cosine of half of the images.
        mixed: share of the ten nearest that stay where the export asks among the source's vectors.
        alone: likewise where the export has embedded everything.
        copies: share of altered copies whose original is nearest, asked by the export among the
            source's vectors.
        copies_before: that share where the source asks.
        searched: whether searches weigh the space.
        derived: whether it is worked out from a stored one.
    """

    least: float
    median: float
    mixed: float
    alone: float
    copies: float
    copies_before: float
    searched: bool
    derived: bool

    @property
    def overlap(self) -> float:
        """The smaller of the two shares of hits that stay."""
        return min(self.mixed, self.alone)


@dataclass(frozen=True, slots=True)
class Embedded:
    """What one encoder makes of the images.

    Attributes:
        images: space -> (n, dim) float32 unit rows, derived spaces among them.
        copies: space -> (m, dim) float32 unit rows of altered copies.
        labels: (n,) int64, the head's first; ``None`` without a head.
    """

    images: Mapping[str, Floats]
    copies: Mapping[str, Floats]
    labels: NDArray[np.int64] | None = None


def measure(
    source: Embedded, export: Embedded, own: NDArray[np.int64], searched: Collection[str]
) -> dict[str, SpaceMeasure]:
    """Hold an export's vectors against its source's.

    Args:
        source: what the source makes.
        export: what the export makes of the same images and copies.
        own: (m,) int64, the image that each copy is of.
        searched: the spaces that searches weigh.
    """
    found = {}
    for space, rows in source.images.items():
        others = export.images[space]
        cosines = np.einsum("ij,ij->i", rows.astype(np.float64), others.astype(np.float64))
        found[space] = SpaceMeasure(
            least=float(cosines.min()),
            median=float(np.median(cosines)),
            mixed=kept_share(rows, rows, others, rows),
            alone=kept_share(rows, rows, others, others),
            copies=_found_first(export.copies[space], rows, own),
            copies_before=_found_first(source.copies[space], rows, own),
            searched=space in searched,
            derived="/" in space,
        )
    return found


def kept_share(asked: Floats, among: Floats, asked_now: Floats, among_now: Floats) -> float:
    """The share of each image's ten nearest, itself left out, that another search finds too.

    Args:
        asked: (n, dim) float32 unit rows of the images that are asked with.
        among: (n, dim) likewise, of those that are found.
        asked_now: of the other search.
        among_now: of the other search.
    """
    before, now = _nearest(asked, among), _nearest(asked_now, among_now)
    same = [len(np.intersect1d(one, other)) for one, other in zip(before, now, strict=True)]
    return float(np.mean(same) / before.shape[1])


def _nearest(asked: Floats, among: Floats) -> NDArray[np.int64]:
    scores = asked @ among.T
    np.fill_diagonal(scores, -np.inf)
    count = min(NEAREST, len(among) - 1)
    order: NDArray[np.int64] = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    return order


def _found_first(copies: Floats, among: Floats, own: NDArray[np.int64]) -> float:
    return float(np.mean(np.argmax(copies @ among.T, axis=1) == own))


def head_agreement(source: Embedded, export: Embedded) -> float | None:
    """The share of images with the same first label; ``None`` without heads."""
    if source.labels is None or export.labels is None:
        return None
    return float(np.mean(source.labels == export.labels))


@dataclass(frozen=True, slots=True)
class RunningCosts:
    """How an encoder runs on a machine.

    Attributes:
        runtime: for people.
        per_second: images.
        per_cpu_second: images a second of the processor's time; what a busy machine tells as well.
        memory: bytes that its process held at most.
        size: bytes of its weights on disk.
    """

    runtime: str
    per_second: float
    per_cpu_second: float
    memory: int
    size: int


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was measured of an export, and what of it falls short.

    Attributes:
        target: what it was exported to.
        precision: of it.
        model: sha256 (hex) over its files.
        source: fingerprint of what it was made from, with the spaces that it gives.
        images: that it was measured on.
        copies: altered copies among them.
        spaces: by name.
        head: share of images with the same first label; ``None`` without a head.
        reverted: parts that were put back into floating point until it held.
        tries: how many exports these images have judged, this one the last of them: the more, the
            more of its good figures is choice.
        runs: how it runs; ``None`` where it was not tried.
        source_runs: how its source does.
        forced: whether it was kept though it falls short.
        made_with: versions of the libraries, and the processor.
    """

    target: str
    precision: str
    model: str
    source: Fingerprint
    images: int
    copies: int
    spaces: Mapping[str, SpaceMeasure]
    head: float | None
    reverted: tuple[str, ...] = ()
    tries: int = 1
    runs: RunningCosts | None = None
    source_runs: RunningCosts | None = None
    forced: bool = False
    made_with: Mapping[str, str] = field(default_factory=dict)

    @property
    def floor(self) -> Floor:
        """What it must reach."""
        return FLOORS[self.precision]

    @property
    def failed(self) -> tuple[str, ...]:
        """What falls short, each in a few words; empty where it is good."""
        return tuple(shortfalls(self.spaces, self.head, self.floor))

    def to_json(self) -> str:
        """The file, its checksum included."""
        told: dict[str, Any] = {
            "format": FORMAT,
            "target": self.target,
            "precision": self.precision,
            "model": self.model,
            "source": self.source.digest,
            "source_checkpoint": self.source.checkpoint,
            "images": self.images,
            "copies": self.copies,
            "spaces": {
                name: {**asdict(one), "overlap": one.overlap} for name, one in self.spaces.items()
            },
            "head_agreement": self.head,
            "floors": asdict(self.floor),
            "failed": list(self.failed),
            "forced": self.forced,
            "reverted": list(self.reverted),
            "tries": self.tries,
            "runs": None if self.runs is None else asdict(self.runs),
            "source_runs": None if self.source_runs is None else asdict(self.source_runs),
            "made_with": dict(self.made_with),
        }
        return json.dumps(told | {"checksum": certificate_checksum(told)}, indent=1) + "\n"


def shortfalls(
    spaces: Mapping[str, SpaceMeasure], head: float | None, floor: Floor
) -> Sequence[str]:
    """What does not reach a floor, each in a few words."""
    found = []
    for name, one in spaces.items():
        if not one.derived and not one.least >= floor.least:
            found.append(f"least cosine of {name} {one.least:.5f}, below {floor.least}")
        if not one.derived and not one.median >= floor.median:
            found.append(f"median cosine of {name} {one.median:.5f}, below {floor.median}")
        if one.searched and not one.overlap >= floor.overlap:
            found.append(f"overlap of hits in {name} {one.overlap:.3f}, below {floor.overlap}")
        if one.searched and not one.copies >= one.copies_before - floor.copies - 1e-9:
            found.append(
                f"copies found in {name} {one.copies:.3f}, where the source finds "
                f"{one.copies_before:.3f}"
            )
    if head is not None and not head >= floor.head:
        found.append(f"labels of the head agree for {head:.3f}, below {floor.head}")
    return found
