"""Captions of the emoji images: mostly the name, sometimes said in another way."""

from __future__ import annotations

import random

from vitrail.generator.training.emoji import Emoji

# The share of captions that are exactly the name; the rest is spread over the other ways.
PLAIN_SHARE = 0.7
# What people add to prompts out of habit: it says nothing about an emoji and must change nothing.
EXTRAS = (
    "highly detailed", "digital art", "on a white background", "4k", "cute", "3d render", "simple",
    "flat icon", "vector art", "studio lighting", "masterpiece", "best quality", "photo",
    "painting", "minimalist", "sharp focus", "vibrant colors", "by a famous artist",
    "trending", "sticker",
)  # fmt: skip
MOST_EXTRAS = 12
# Words around the name that would make another image, if the model could draw one: the nearest
# thing that it can draw is the emoji itself.
QUALITIES = (
    "happy", "big", "shiny", "beautiful", "little", "cartoon", "lovely", "funny", "fresh", "single",
    "tiny", "giant", "nice", "colorful",
)  # fmt: skip
PLACES = (
    "in a garden", "on a table", "at night", "in the snow", "with friends", "in the sun",
    "on a plate", "in the forest", "on the street", "by the sea",
)  # fmt: skip


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
            _with_extras(with_article(name), chance),
            _described(name, chance),
        ]
    )


def _with_extras(name: str, chance: random.Random) -> str:
    extras = chance.sample(EXTRAS, chance.randint(1, MOST_EXTRAS))
    return ", ".join([name, *extras])


def _described(name: str, chance: random.Random) -> str:
    described = with_article(f"{chance.choice(QUALITIES)} {name}")
    return described if chance.random() < 0.5 else f"{described} {chance.choice(PLACES)}"


def _shuffled(name: str, chance: random.Random) -> str:
    words = name.split()
    chance.shuffle(words)
    return " ".join(words)


def corpus(emoji: list[Emoji]) -> list[str]:
    """Return every name and alias once in each form, to build a vocabulary from."""
    names = [name for one in emoji for name in (one.name, *one.aliases[:2])]
    return [*names, *(f"a picture of {with_article(name)} emoji" for name in names)]
