"""What a small model can draw at all, said before it is asked for something else.

A checkpoint trained on few things has a file ``scope.json`` beside its weights: what it is, the
names that it knows, and the words that its captions had around them. Any other checkpoint has none,
and nothing is said.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.images import InputImage
from vitrail.indexer.encoders.weights import read_object

FILE = "scope.json"
_WHITE = 240  # least value of a pixel's channels that counts as white
_EDGE = 0.5  # share of an image's edge that is white on a white ground
_SHOWN = 40  # characters of a prompt in a note


@dataclass(frozen=True, slots=True)
class Scope:
    """What a model was trained on.

    Attributes:
        about: what the model is, in a few words.
        names: what it can draw, each as the set of its words.
        around: words that say nothing about what is drawn.
        white_ground: every image that it knows stands on white.
    """

    about: str
    names: frozenset[frozenset[str]]
    around: frozenset[str]
    white_ground: bool

    def knows(self, prompt: str) -> bool:
        """Whether a prompt is one of the names, but for the words around it."""
        words = _words(prompt)
        return words in self.names or words - self.around in self.names

    def resembles(self, given: InputImage) -> bool:
        """Whether an image stands on white as all do that the model knows."""
        if not self.white_ground:
            return True
        pixels = np.asarray(given.image).min(axis=2)
        edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        return bool((edge >= _WHITE).mean() >= _EDGE)


def scope_of(info: CheckpointInfo) -> Scope | None:
    """A checkpoint's own, or ``None`` where it has no such limits.

    Raises:
        CheckpointError: its file cannot be read.
    """
    path = info.path / FILE
    return _read(path) if path.is_file() else None


def some_known(info: CheckpointInfo, besides: Sequence[str], count: int) -> tuple[str, ...]:
    """A few names of what a model knows, none of which has a word of some prompts.

    Args:
        info: which model.
        besides: the prompts.
        count: names at most, from all over the alphabet.

    Returns:
        none where the model does not say what it knows.

    Raises:
        CheckpointError: its scope cannot be read.
    """
    scope = scope_of(info)
    if scope is None:
        return ()
    taken = frozenset().union(*map(_words, besides)) - scope.around
    raw = read_object(info.path / FILE).get("names", ())
    names = sorted({str(name) for name in raw if not _words(str(name)) & taken})
    places = np.linspace(0, len(names), count, endpoint=False).astype(int)
    return tuple(names[i] for i in dict.fromkeys(places.tolist())) if names else ()


def outside_notes(
    info: CheckpointInfo, prompts: Sequence[str], inputs: Iterable[InputImage] = ()
) -> list[str]:
    """A line for the prompts and one for the images that a model can do nothing with.

    Args:
        info: which model.
        prompts: what it is asked to draw.
        inputs: what it starts from.

    Raises:
        CheckpointError: its scope cannot be read.
    """
    scope = scope_of(info)
    if scope is None:
        return []
    what = f"{info.name} is {scope.about}"
    notes = []
    unknown = [prompt for prompt in dict.fromkeys(prompts) if not scope.knows(prompt)]
    if unknown:
        which = f"“{_short(unknown[0])}”"
        if len(unknown) > 1:
            which = f"{len(unknown)} of the prompts, such as {which}"
        notes.append(f"{what}, and {which} is none of them: expect a guess, or give a --model")
    strange = [each.name for each in inputs if not scope.resembles(each)]
    if strange:
        notes.append(
            f"{what}, and {' and '.join(strange)} is nothing like that: expect mush, or give a "
            f"--model"
        )
    return notes


@functools.cache
def _read(path: Path) -> Scope:
    found = read_object(path)
    return Scope(
        about=str(found.get("about", "small")),
        names=frozenset(_words(str(name)) for name in found.get("names", ())),
        around=frozenset(map(_stem, map(str, found.get("around", ())))),
        white_ground=found.get("ground") == "white",
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(_stem(word) for word in re.findall(r"\w+", text.lower()))


def _stem(word: str) -> str:
    """Without the plural's s, roughly."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _short(prompt: str) -> str:
    plain = " ".join(prompt.split())
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN].rstrip()}…"
