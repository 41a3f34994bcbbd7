"""What all trainings of encoders can be told: plain values, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, Protocol, get_args

from vitrail.indexer.encoders.settings import check_placement
from vitrail.indexer.errors import InputError

Augmentation = Literal["none", "light", "strong"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a run of training is told, which decides whether it is the same run."""

    FREE: ClassVar[frozenset[str]] = frozenset({"device", "recompute", "save_every", "log_every"})
    """What a run may go on with otherwise than it began: nothing of it changes what is computed,
    but for the last bits of sums."""
    SMALLER: ClassVar[str] = "a smaller --batch"
    """What another run may take so that a step needs less memory."""

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    def differences(self, other: Mapping[str, Any]) -> list[str]:
        """Names of what another run had otherwise, and what may not change when it goes on.

        What it lacks nobody could ask for then, and it went by what is usual.
        """
        own, usual = self.to_dict(), {one.name: _plain(one.default) for one in fields(self)}
        return [
            name
            for name in own
            if name not in self.FREE and other.get(name, usual[name]) != own[name]
        ]


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class LearningOptions(RunOptions):
    """How long, how fast, and where something is learned.

    Attributes:
        epochs: how often all images are seen.
        batch: images a step.
        accumulate: in how many parts a step's images go through the model, to save memory.
        learning_rate: highest.
        weight_decay: of AdamW; biases, norms and other vectors have none.
        warmup: share of the steps in which the rate rises; it falls by a cosine afterwards.
        augmentation: how much each image is cropped, mirrored and recoloured anew each time.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        recompute: forget activations and work them out again on the way back, to save memory.
        clip: norm that gradients are cut to.
        patience: evaluations without anything better after which training ends; 0 for never.
        save_every: steps between two checkpoints, beside those after each evaluation.
        log_every: steps between two lines of metrics.
        workers: threads that read and augment images.
        seed: of all that is drawn.

    Raises:
        InputError: a value that cannot be used.
    """

    epochs: int = 10
    batch: int = 32
    accumulate: int = 1
    learning_rate: float = 1e-4
    weight_decay: float = 0.05
    warmup: float = 0.1
    augmentation: Augmentation = "light"
    precision: str = "auto"
    device: str = "auto"
    recompute: bool = False
    clip: float = 1.0
    patience: int = 0
    save_every: int = 100
    log_every: int = 10
    workers: int = 2
    seed: int = 0

    FREE: ClassVar[frozenset[str]] = RunOptions.FREE | {"workers"}

    def __post_init__(self) -> None:
        check_placement(self.device, self.precision)
        check_word("augmentation", self.augmentation, get_args(Augmentation))
        counts = {
            "epochs": self.epochs,
            "batch": self.batch,
            "accumulate": self.accumulate,
            "save_every": self.save_every,
            "log_every": self.log_every,
            "workers": self.workers,
        }
        check_counts(counts, 1)
        check_counts({"patience": self.patience, "seed": self.seed}, 0)
        check_numbers({"weight_decay": (self.weight_decay, 10.0), "warmup": (self.warmup, 1.0)})
        rates = {"learning_rate": (self.learning_rate, 10.0), "clip": (self.clip, 1e6)}
        check_numbers(rates, above=True)


class MemoryOptions(Protocol):
    """What decides how much memory a step takes."""

    @property
    def batch(self) -> int:
        """Images a step."""

    @property
    def accumulate(self) -> int:
        """Parts in which they go through the model."""

    @property
    def recompute(self) -> bool:
        """Whether activations are worked out again on the way back."""

    FREE: ClassVar[frozenset[str]]
    SMALLER: ClassVar[str]


def lighter_step(options: MemoryOptions) -> str:
    """What to do where memory is too small for a step: first what the same run may go on with."""
    ways = []
    if "accumulate" in options.FREE and options.accumulate < options.batch:
        ways.append("put --accumulate up, which takes a batch in more parts")
    if not options.recompute:
        ways.append("add --recompute")
    other = f"train into another folder with {options.SMALLER}"
    return f"{', or '.join(ways)}, and run again; or {other}" if ways else other


def check_word(name: str, given: str, known: tuple[str, ...]) -> None:
    """Refuse a word that is none of those that are known.

    Raises:
        InputError: naming these.
    """
    if given not in known:
        raise InputError(f"{name} {given!r} is unknown; use one of {', '.join(known)}")


def check_counts(values: Mapping[str, int], least: int) -> None:
    """Refuse counts that are less than one.

    Args:
        values: by name.
        least: that each may be.

    Raises:
        InputError: naming the first of them.
    """
    for name, value in values.items():
        if value < least:
            raise InputError(f"{name} is {value}; give {least} or more")


def check_numbers(values: Mapping[str, tuple[float, float]], *, above: bool = False) -> None:
    """Refuse numbers that are less than 0, or more than they may be.

    Args:
        values: the number, and the most that it may be, by name.
        above: whether 0 is refused too.

    Raises:
        InputError: naming the first of them.
    """
    for name, (value, most) in values.items():
        if not (0 <= value <= most and math.isfinite(value)) or (above and value == 0):
            least = "above 0" if above else "0"
            to = f" to {most:g}" if math.isfinite(most) else ""
            raise InputError(f"{name} is {value}; give a number from {least}{to}")
