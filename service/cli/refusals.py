"""What the command line refuses by itself, and the refusals of others in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitrail.indexer.errors import VitrailError

_REMEDIES = {
    "reads-no-text": "use --prompt in the place of --text, and --not-prompt of --not-text, which "
    "search by what the words generate, or `vitrail reembed` with a CLIP or SigLIP checkpoint"
}
"""Code of an error -> what to do, by options, also where a service has told it otherwise."""


def in_options(error: VitrailError) -> str:
    """An error as a line, whose remedy names options where it would name something else."""
    remedy = _REMEDIES.get(error.code)
    return str(error) if remedy is None else f"{error.problem}; {remedy}"


def refuse_unless(condition: str, remedy: str, **given: object) -> None:
    """An option that would be ignored is a misunderstanding to be told.

    Args:
        condition: what the options are for.
        remedy: what to do beside leaving one out.
        given: the options by name, ``None`` where they are not given.

    Raises:
        InputError: naming the first that is given.
    """
    from vitrail.indexer.errors import InputError

    for name, value in given.items():
        if value is not None:
            flag = f"--{name.replace('_', '-')}"
            option = flag if value is True else f"{flag} {value}"
            raise InputError(f"{option} is for {condition}; leave it out, or {remedy}")
