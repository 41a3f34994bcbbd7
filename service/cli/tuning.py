"""What measuring the spaces prints: how far it is, a table, and a plot of the layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrail.indexer.wording import counted
from vitrail.service.cli.documents import print_document
from vitrail.service.cli.progress import Display
from vitrail.service.cli.tables import print_remark
from vitrail.service.documents.intervals import interval_document

if TYPE_CHECKING:
    from vitrail.search.measures import Interval
    from vitrail.search.tuning import Measured
    from vitrail.service.operations.progress import TuningProgress
    from vitrail.service.operations.tuning import Tuning

_SINGLES = 10  # spaces of the table
_MIXTURES = 3
_NAME = 40  # cells of a space's name, at most
_FIRST = {"labels": "5-NN accuracy", "copies": "copy recall@1"}
_NOTHING = {
    "labels": "no space is right about a single image, so that nothing was stored; measure by "
    "another column, or by --copies",
    "copies": "no space finds the original of a single copy, so that nothing was stored; measure "
    "by labels, or index images that differ more",
}
_PRECISION = {"labels": "mAP", "copies": "1/rank"}


class TuningDisplay(Display):
    """Shows how far it is.

    Args:
        quiet: show nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(quiet=quiet, doing="loading the encoder")

    def update(self, event: TuningProgress) -> None:
        """Show what is done now."""
        if event.total:
            told = f"{event.done:,} of {counted(event.total, 'image')}"
            self._show(event.stage, event.done, event.total, told)
        else:
            self._show(event.stage, 0, None, event.what)


def print_tuning(made: Tuning, *, as_json: bool) -> None:
    """Print the measures, and what follows, as a table or as JSON."""
    if as_json:
        print_document(_document(made))
        return
    tuned, labels = made.tuned, f", {counted(made.kinds, 'label')}" if made.kinds else ""
    print(f"{counted(made.images, 'image')}{labels}, by 5-fold cross-validation, 95% intervals\n")
    singles, mixtures = tuned.singles[:_SINGLES], tuned.mixtures[:_MIXTURES]
    shown = [*singles, *mixtures]
    last = next((one for one in tuned.singles if one.candidate.name == _last_layer(made)), None)
    shown += [one for one in (made.current, last) if one is not None and one not in shown]
    print(f"{'space':<{_NAME}}  {_FIRST[made.by]:<17}  {_PRECISION[made.by]}")
    for one in shown:
        mark = " *" if one.candidate == tuned.winner.candidate else ""
        print(f"{_line(one.candidate.name, one)}{mark}".rstrip())
    print()
    print(_line("chosen on the other folds", tuned.honest))
    print()
    for line in _compared(made):
        print_remark(line)
    told, *commands = _steps(made)
    print_remark(told)
    for command in commands:  # to be copied as they are
        print(f"  {command}")


def _last_layer(made: Tuning) -> str:
    """What users of a ViT take where nobody tells them otherwise."""
    names = [one.candidate.name for one in made.tuned.singles]
    stored = [name for name in names if name.startswith("cls@") and "/" not in name]
    return max(stored, key=lambda name: int(name[4:]), default="")


def _line(name: str, measured: Measured) -> str:
    return f"{name[:_NAME]:<{_NAME}}  {_told(measured.first)}  {_told(measured.precision)}"


def _told(one: Interval) -> str:
    return f"{_share(one.mean)} ({_share(one.low)} to {_share(one.high)})"


def _share(value: float) -> str:
    return f"{value:.2f}"[1:] if value < 0.995 else "1.0"


def _compared(made: Tuning) -> list[str]:
    """What searches use now, held against the winner."""
    now, winner = made.current, made.tuned.winner
    if now is None or now.candidate == winner.candidate or made.stored or made.tells_nothing:
        return []
    sure = "surely better" if made.surely_better else "better, as far as so few tell,"
    return [f"{winner.candidate.name} is {sure} than {now.candidate.name}, which searches use now"]


def _steps(made: Tuning) -> list[str]:
    """What follows, and the commands for it, if any."""
    winner = made.tuned.winner.candidate.name
    if made.tells_nothing:
        return [_NOTHING[made.by]]
    if made.stored:
        return [f"{winner} is what searches use now where --space is not given"]
    if made.lacking:
        told = f"{winner} is best, and this collection lacks it; to add it and search by it:"
        return [told, *made.lacking]
    return [f"{winner} is best; nothing was stored"]


def _document(made: Tuning) -> dict[str, Any]:
    tuned = made.tuned
    return {
        "by": made.by,
        "images": made.images,
        "labels": made.kinds,
        "winner": dict(tuned.winner.candidate.weights),
        "stored": made.stored,
        "commands": list(made.lacking),
        "honest": _measures(tuned.honest),
        "spaces": [
            {"weights": dict(one.candidate.weights), **_measures(one)}
            for one in (*tuned.singles, *tuned.mixtures)
        ],
    }


def _measures(one: Measured) -> dict[str, Any]:
    named = {"first": one.first, "precision": one.precision}
    return {name: interval_document(found) for name, found in named.items()}
