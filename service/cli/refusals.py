"""Options that go with others alone."""

from __future__ import annotations


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
