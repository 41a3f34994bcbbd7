"""How a training of a generator began, so that it goes on, and what came of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from vitrail.indexer.errors import InputError
from vitrail.indexer.files.durability import disk_guard, write_text
from vitrail.service.operations.captioned import CaptionedSource
from vitrail.service.operations.training_records import BEGUN, check_format, read_record

if TYPE_CHECKING:
    from vitrail.generator.training.captioned import CaptionedImage
    from vitrail.generator.training.options import GeneratorOptions

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Prior:
    """What the model is to draw as before, beside what it learns (DreamBooth).

    Attributes:
        prompt: of the class, such as ``a dog``.
        folder: images of it, those with a text file beside them captioned by that; ``None`` lets
            the model draw them before it learns.
        count: how many it draws.

    Raises:
        InputError: a prompt that says nothing, or no images.
    """

    prompt: str
    folder: str | None = None
    count: int = 100

    def __post_init__(self) -> None:
        if not self.prompt.strip():
            raise InputError("--prior is empty; name the class, such as 'a dog'")
        if self.count < 1:
            raise InputError(f"--prior-count {self.count} draws no image; give 1 or more")


@dataclass(frozen=True, slots=True)
class GeneratorRequest:
    """What is to be learned by what.

    Attributes:
        source: images and their captions.
        model: Stable Diffusion to train: ``embedded``, directory, safetensors file or Hub name.
        folder: that becomes the model directory; new, or that of the same run.
        options: how.
        prior: what is to stay; ``None`` for nothing.
        samples: prompts that sheets show; without any, some of the captions.

    Raises:
        InputError: something is to stay beside tokens, where nothing else changes.
    """

    source: CaptionedSource
    model: str
    folder: str
    options: GeneratorOptions
    prior: Prior | None = None
    samples: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.prior is not None and self.options.tokens:
            raise InputError(
                "the method inversion changes nothing but its tokens, so all else stays as it is: "
                "leave out --prior"
            )

    def settings(self, content_hash: str) -> dict[str, Any]:
        """What decides a run, as plain JSON types.

        Args:
            content_hash: of the checkpoint.
        """
        folders = [os.path.abspath(one) for one in self.source.folders]
        prior = None if self.prior is None else asdict(self.prior)
        if prior is not None and prior["folder"] is not None:
            prior["folder"] = os.path.abspath(prior["folder"])
        return {
            "source": {**asdict(self.source), "folders": folders},
            "model": self.model,
            "weights": content_hash,
            "prior": prior,
            "options": self.options.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class BegunGenerator:
    """How a run began: all that it needs to go on.

    Attributes:
        settings: what must be the same for it to go on.
        images: that it learns.
        prior: images of what is to stay.
    """

    settings: dict[str, Any]
    images: tuple[CaptionedImage, ...]
    prior: tuple[CaptionedImage, ...] = ()

    @property
    def told(self) -> dict[str, Any]:
        """The settings for whoever is given the model, and need not know whose folders it saw."""
        told = {name: value for name, value in self.settings.items() if name != "source"}
        if told["prior"] is not None:
            told["prior"] = {k: v for k, v in told["prior"].items() if k != "folder"}
        return told


def write_begun_generator(inner: str, run: BegunGenerator) -> None:
    """Write how a run began.

    Raises:
        CollectionError: the disk is full.
    """
    raw = {
        "format": _FORMAT,
        "settings": run.settings,
        "images": [[one.path, one.sha256, one.caption] for one in run.images],
        "prior": [[one.path, one.sha256, one.caption] for one in run.prior],
    }
    with disk_guard(inner, 0):
        write_text(os.path.join(inner, BEGUN), json.dumps(raw))


def read_begun_generator(inner: str) -> BegunGenerator | None:
    """How the run in a folder began; ``None`` where none did.

    Raises:
        CheckpointError: the file is damaged, a newer version's, or of a training of something else.
    """
    return read_record(inner, BEGUN, _parsed)


def _parsed(raw: Mapping[str, Any]) -> BegunGenerator:
    from vitrail.generator.training.captioned import CaptionedImage

    check_format(raw, _FORMAT)
    images, prior = (
        tuple(CaptionedImage(path, sha256, caption) for path, sha256, caption in raw[part])
        for part in ("images", "prior")
    )
    return BegunGenerator(dict(raw["settings"]), images, prior)


@dataclass(frozen=True, slots=True)
class TrainedGenerator:
    """What came of a training.

    Attributes:
        folder: the model directory.
        source: the checkpoint that it was.
        method: how it was trained.
        images: learned from.
        prior: images of what was to stay.
        captions: distinct ones, in order.
        steps: done.
        loss: of the same noise on the same images, before and after.
        sheet: the last sheet of samples.
        low_rank: files of the low-rank weights, in diffusers' names and in other tools'; empty
            without.
        tokens: files of what was learned of tokens; empty without.
    """

    folder: str
    source: str
    method: str
    images: int
    prior: int
    captions: tuple[str, ...]
    steps: int
    loss: tuple[float, float]
    sheet: str
    low_rank: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        found = asdict(self)
        found["loss"] = dict(zip(("before", "after"), self.loss, strict=True))
        return found

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], folder: str) -> TrainedGenerator:
        """What ``to_dict`` gave, of a folder that may lie elsewhere by now.

        Raises:
            LookupError, TypeError, ValueError: it is something else.
        """

        def moved(path: str) -> str:
            return os.path.join(folder, os.path.relpath(path, raw["folder"]))

        return cls(
            folder=folder,
            source=raw["source"],
            method=raw["method"],
            images=int(raw["images"]),
            prior=int(raw["prior"]),
            captions=tuple(raw["captions"]),
            steps=int(raw["steps"]),
            loss=(float(raw["loss"]["before"]), float(raw["loss"]["after"])),
            sheet=moved(raw["sheet"]),
            low_rank=tuple(map(moved, raw["low_rank"])),
            tokens=tuple(map(moved, raw.get("tokens", ()))),
        )
