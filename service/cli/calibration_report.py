"""What scores mean, as a table, as JSON and as a drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.indexer.wording import counted
from vitrail.service.cli.documents import print_document
from vitrail.service.cli.tables import print_figures
from vitrail.service.cli.text import one_line

if TYPE_CHECKING:
    from vitrail.search.query import Scale
    from vitrail.service.operations.calibrating import Meaning, WordMeaning

_WIDTH, _HEIGHT, _FOOT = 720, 260, 24  # of the drawing, and of the line of numbers below it
_COLUMNS = ("word", "from score", "fpr", "of planted copies")


def print_meaning(meaning: Meaning) -> None:
    """Print which words hold from which scores on, and which scores rates stand for."""
    for line in told(meaning):
        print(line)
    print()
    print_figures([_COLUMNS, *(_cells(word, meaning.scale) for word in meaning.words)])
    print()
    print_figures([("--max-fpr", "score"), *_rates(meaning)])


def print_meaning_as_json(meaning: Meaning) -> None:
    """Print the same as one JSON object."""
    print_document({name: value for name, value in asdict(meaning).items() if name != "histogram"})


def told(meaning: Meaning) -> list[str]:
    """Sentences on what it was found out by."""
    spaces = ", ".join(
        name if len(meaning.weights) == 1 else f"{name}:{weight:.3g}"
        for name, weight in meaning.weights.items()
    )
    left = [
        *(["those of one label"] if meaning.labelled else []),
        *([f"{meaning.copies_apart:,} of copies"] if meaning.copies_apart else []),
    ]
    apart = f"; left out: {' and '.join(left)}" if left else ""
    planted = counted(meaning.planted, "copy", "copies")
    copies = f"{planted} planted" if meaning.planted else "no copies planted: their files are away"
    return [
        one_line(f"{spaces}: {counted(meaning.scale.images, 'image')}, {copies}"),
        one_line(f"{counted(meaning.scale.pairs, 'pair')} of unrelated images compared{apart}"),
    ]


def write_drawing(path: Path, meaning: Meaning) -> None:
    """Write a page with both distributions and the same tables; it fetches nothing.

    Raises:
        InputError: the file cannot be written.
    """
    import jinja2

    from vitrail.service.cli.sheet import write_page

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("vitrail.service.cli"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    drawn = meaning.histogram
    low = float(drawn.edges[0])
    page = environment.get_template("calibration.html").render(
        told=told(meaning),
        columns=_COLUMNS,
        words=[(word.word, _cells(word, meaning.scale)) for word in meaning.words],
        rates=_rates(meaning),
        found=[(kind, f"{share:.0%}") for kind, share in drawn.found.items()],
        unrelated=_outline(drawn.unrelated.tolist()),
        copies=_outline(drawn.copies.tolist()) if meaning.planted else "",
        marks=[
            (word.word, _across(word.score, low), f"{word.score:.4f}")
            for word in meaning.words
            if word.score is not None
        ],
        ticks=[(f"{at:.3f}".rstrip("0").rstrip("."), _across(at, low)) for at in _ticks(low)],
        width=_WIDTH,
        height=_HEIGHT,
        foot=_FOOT,
    )
    write_page(path, page, "drawing")


def _cells(word: WordMeaning, scale: Scale) -> tuple[str, ...]:
    if word.score is None or word.rate is None:
        return word.word, "below", "", ""
    found = "" if word.found is None else f"{word.found:.0%}"
    return word.word, f"{word.score:.4f}", scale.tell(word.rate), found


def _rates(meaning: Meaning) -> list[tuple[str, str]]:
    return [(f"{100 * rate:g}%", f"{at:.4f}") for rate, at in meaning.rates]


def _across(score: float, low: float) -> float:
    """Where a score lies in the drawing, in its units."""
    return round(_WIDTH * (min(1.0, max(low, score)) - low) / (1 - low), 1)


def _outline(shares: Sequence[float]) -> str:
    """Steps as high as the shares, the highest as high as the drawing, as points of a polygon."""
    top = max(shares) or 1.0
    step = _WIDTH / len(shares)
    points = [(0.0, float(_HEIGHT))]
    for i, share in enumerate(shares):
        y = _HEIGHT * (1 - 0.94 * share / top)
        points += [(i * step, y), ((i + 1) * step, y)]
    points.append((float(_WIDTH), float(_HEIGHT)))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _ticks(low: float) -> list[float]:
    """Round scores from the lowest that is drawn to 1."""
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if (1 - low) / s <= 10)
    first = -(-low // step)
    return [round(n * step, 4) for n in range(int(first), round(1 / step) + 1)]
