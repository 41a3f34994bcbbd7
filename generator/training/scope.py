"""What the trained model can draw, as ``vitrail.generator.checkpoints.scope`` reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from vitrail.generator.checkpoints.scope import FILE
from vitrail.generator.training.captions import EXTRAS, PLACES, QUALITIES
from vitrail.generator.training.emoji import Emoji

_AROUND = "a an the of picture photo image drawing icon emoji symbol"


def write_scope(folder: Path, emoji: Iterable[Emoji]) -> None:
    """Write the names it was trained on, and the words that captions had around them."""
    known = list(emoji)
    count = round(len(known), -2)
    phrases = (_AROUND, *EXTRAS, *PLACES, *QUALITIES)
    scope = {
        "about": f"a demonstration of about {count:,} emoji by name, 64 pixels wide",
        "ground": "white",
        "around": sorted({word for text in phrases for word in re.findall(r"\w+", text)}),
        "names": sorted({name for one in known for name in (one.name, *one.aliases[:2])}),
    }
    text = json.dumps(scope, indent=0, ensure_ascii=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")
