"""Folders with their options, and what is taken out of them, in words."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import counted
from vitrail.service.cli.text import one_line

if TYPE_CHECKING:
    from vitrail.indexer.catalog.departures import Removed
    from vitrail.indexer.collection.tidying import Tidied
    from vitrail.indexer.indexing.decoding import LabelFrom
    from vitrail.indexer.indexing.options import IndexOptions
    from vitrail.indexer.indexing.removal import Removal
    from vitrail.indexer.indexing.roots import RootPlan

_SHOWN = 20  # files of a removal that are listed
_KINDS = 5  # of other files that are named


def read_label_from(text: str | None) -> LabelFrom | None:
    """What ``--label-from`` says.

    Raises:
        InputError: neither ``parent`` nor ``none``.
    """
    if text is None or text == "parent" or text == "none":
        return text  # type: ignore[return-value]
    raise InputError(f"--label-from {text!r} is unknown; use parent or none")


def words(options: Mapping[str, Any]) -> str:
    """Remembered options as they are given on the command line."""
    said: list[str] = []
    for name in ("include", "exclude"):
        said += [f"--{name} {shlex.quote(glob)}" for glob in options.get(name) or ()]
    if options.get("label_from") is not None:
        said.append(f"--label-from {options['label_from']}")
    if options.get("max_pixels"):
        said.append(f"--max-pixels {options['max_pixels']}")
    said += [f"--{n.replace('_', '-')}" for n in ("keep_missing", "classify") if options.get(n)]
    return one_line(" ".join(said))


def remembered(plans: Sequence[RootPlan], given: IndexOptions) -> list[str]:
    """A line for each folder where something holds that was not said this time."""
    said = given.to_dict()
    lines = []
    for plan in plans:
        rest = {k: v for k, v in plan.options.to_dict().items() if k not in said}
        if words(rest):
            lines.append(f"{one_line(plan.path)}: {words(rest)} (remembered)")
    return lines


def other_kinds(kinds: Mapping[str, int]) -> str:
    """``14 files of other kinds (12 .cr2, 2 .svg)``, the commonest first."""
    ordered = sorted(kinds.items(), key=lambda item: (-item[1], not item[0], item[0]))
    named = [f"{count} {one_line(kind) or 'without extension'}" for kind, count in ordered[:_KINDS]]
    rest = sum(count for _, count in ordered[_KINDS:])
    named += [counted(rest, "other")] if rest else []
    total = sum(kinds.values())
    files = counted(total, "file of another kind", "files of other kinds")
    return f"{files} ({', '.join(named)})"


def print_removal(removal: Removal) -> None:
    """Say what would be taken out, with its first files."""
    print(f"would remove {_images(removal.images)}{_files(removal.staying)}{_roots(removal)}")
    for path in removal.files[:_SHOWN]:
        print(f"  {one_line(path)}")
    if len(removal.files) > _SHOWN:
        print(f"  and {counted(len(removal.files) - _SHOWN, 'more file')}")


def print_removed(removal: Removal, removed: Removed) -> None:
    """Say what was taken out."""
    print(f"removed {_images(removed.images)}{_files(removed.files)}{_roots(removal)}")


def print_tidied(done: Tidied) -> None:
    """Say what was given up, and what waits still."""
    later = ""
    if done.later:
        later = f", {done.later:,} of them by the first command that writes after 15 minutes"
    print(f"{_images(done.given_up)} given up, {counted(done.freed, 'byte')} freed{later}")
    until = done.waiting.until(done.grace_days)
    if until is not None:
        print(f"{waiting_line(done.waiting.images, done.grace_days, until.isoformat())}")


def waiting_line(images: int, grace_days: float, first_until: str | None) -> str:
    """How many images wait for their files, and until when the first does."""
    if not images:
        return f"none (kept for {_days(grace_days)})"
    day = (first_until or "").partition("T")[0]
    since = "since their files left or were excluded"
    return f"{images:,} kept for {_days(grace_days)} {since}: the first until {day}"


def _days(days: float) -> str:
    return f"{days:g} day{'' if days == 1 else 's'}"


def _images(count: int) -> str:
    return counted(count, "image")


def _files(count: int) -> str:
    if not count:
        return ""
    return f" and {counted(count, 'file')} whose image stays by another"


def _roots(removal: Removal) -> str:
    if not removal.roots:
        return ""
    folders = ", ".join(one_line(root) for root in removal.roots)
    return f"; {folders} no longer indexed by a plain `vitrail index`"
