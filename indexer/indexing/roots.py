"""Which folders a run walks, and whose options hold in each.

A file is ruled by the longest remembered folder that it lies in: what was said of ``scans`` holds
there, however the folder around it is indexed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vitrail.indexer.catalog.roots import MOUNTS, KnownRoot
from vitrail.indexer.errors import InputError
from vitrail.indexer.indexing.options import IndexOptions, RootOptions, relative_to
from vitrail.indexer.paths import display

_NOTHING = RootOptions()


@dataclass(frozen=True, slots=True)
class RootPlan:
    """One folder, or single file, of a run.

    Attributes:
        path: absolute; where the walk starts.
        base: the folder that globs are relative to: itself, or the one whose part it is.
        options: what holds there.
        former: what held there before this run.
        apart: folders below that have options of their own, and are no part of it.
        mounts: folders below ``base`` that were disks of their own, relative to it; ``""`` is
            itself.
    """

    path: str
    base: str
    options: RootOptions
    former: RootOptions = _NOTHING
    apart: frozenset[str] = frozenset()
    mounts: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it is a folder whose options are remembered."""
        return self.path == self.base


def plan_run(
    folders: Sequence[str | os.PathLike[str]], known: Sequence[KnownRoot], given: IndexOptions
) -> list[RootPlan]:
    """What a run has to walk; without folders, all that are known.

    A folder becomes one of its own, with its options remembered, unless it lies in a known one and
    nothing else is said of it. Known folders below a named one are walked too, by their own
    options, where the globs around them do not leave them out.

    Raises:
        InputError: a folder does not exist or none is known, or a glob is malformed.
    """
    options = {root.path: RootOptions.from_dict(root.options) for root in known}
    mounts = {root.path: tuple(root.options.get(MOUNTS, ())) for root in known}
    named = list(dict.fromkeys(os.path.abspath(os.fspath(folder)) for folder in folders))
    check_given(named, given)
    if not folders and not known:
        raise InputError("no folder is known yet: name a folder to index")
    plans = {path: _plan(path, options, given) for path in (named or options)}
    for inner in sorted(options.keys() - plans.keys()):
        around = ruling_root(inner, plans)
        if around is not None and _reaches(plans[around], inner):
            plans[inner] = RootPlan(inner, inner, options[inner], options[inner])
    wholes = options.keys() | {plan.path for plan in plans.values() if plan.whole}
    return [
        RootPlan(
            plan.path,
            plan.base,
            plan.options,
            plan.former,
            frozenset(_within(plan.path, wholes)),
            mounts.get(plan.base, ()),
        )
        for plan in plans.values()
        if not _is_covered(plan, plans)
    ]


def check_given(folders: Sequence[str], given: RootOptions) -> None:
    """Refuse folders that do not exist and globs that are none, before anything is made.

    Raises:
        InputError: names it.
    """
    for folder in folders:
        if not os.path.lexists(folder):
            raise InputError(
                f"{display(folder)!r} does not exist: check the path, or that its disk is mounted; "
                "nothing was taken as gone"
            )
    given.selection  # noqa: B018 - compiles the globs


def ruling_root(path: str, roots: Mapping[str, object]) -> str | None:
    """The longest of the folders that ``path`` lies in, or is."""
    while path not in roots:
        parent = os.path.dirname(path)
        if parent == path:
            return None
        path = parent
    return path


def _plan(path: str, options: Mapping[str, RootOptions], given: IndexOptions) -> RootPlan:
    around = ruling_root(path, options)
    former = options[around] if around is not None else _NOTHING
    changed = former.changed_by(given)
    if around == path:
        return RootPlan(path, path, changed, former)
    if not os.path.isdir(path):
        return RootPlan(path, around or os.path.dirname(path), changed, former)
    if around is None:
        return RootPlan(path, path, changed)
    relative = relative_to(path, around)
    if changed == former and not former.selection.leaves_out(relative, folder=True):
        return RootPlan(path, around, former, former)
    inherited = former.below(relative)
    return RootPlan(path, path, inherited.changed_by(given), inherited)


def _reaches(plan: RootPlan, folder: str) -> bool:
    relative = relative_to(folder, plan.base)
    return not plan.options.selection.leaves_out(relative, folder=True)


def _within(path: str, others: set[str] | frozenset[str]) -> list[str]:
    inside = os.path.join(path, "")
    return sorted(other for other in others if other != path and other.startswith(inside))


def _is_covered(plan: RootPlan, plans: Mapping[str, RootPlan]) -> bool:
    """Whether a part of a folder is walked with the whole of it anyway."""
    return not plan.whole and plan.base in plans and os.path.isdir(plan.path)
