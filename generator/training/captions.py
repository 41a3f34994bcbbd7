"""Captions of the emoji pictures: mostly the name, sometimes said in another way."""

from __future__ import annotations

import random

from generator.training.emoji import Emoji

# The share of captions that are exactly the name; the rest is spread over the other ways.
PLAIN_SHARE = 0.7


def with_article(name: str) -> str:
    """Return the name after "a" or "an"."""
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"


def caption(emoji: Emoji, chance: random.Random) -> str:
    """Return a caption in lower case, the exact name for most draws."""
    if chance.random() < PLAIN_SHARE:
        return emoji.name
    name = chance.choice([emoji.name, emoji.name, *emoji.aliases[:2]])
    return chance.choice(
        [
            name,
            with_article(name),
            with_article(name),
            f"{name} emoji",
            f"a picture of {with_article(name)}",
            _shuffled(name, chance),
        ]
    )


def _shuffled(name: str, chance: random.Random) -> str:
    words = name.split()
    chance.shuffle(words)
    return " ".join(words)


def corpus(emoji: list[Emoji]) -> list[str]:
    """Return every name and alias once in each form, to build a vocabulary from."""
    names = [name for one in emoji for name in (one.name, *one.aliases[:2])]
    return [*names, *(f"a picture of {with_article(name)} emoji" for name in names)]
