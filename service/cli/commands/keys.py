"""``vitrail keys``: who may ask a service beyond this machine."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.service.cli.completion import values
from vitrail.service.cli.options import JsonOption, choice
from vitrail.service.cli.serving_options import StateOption, state_folder

if TYPE_CHECKING:
    from pathlib import Path

    from vitrail.service.http.security.keys import Key

_TIME = re.compile(r"([1-9]\d{0,4}) *([hdwy])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "y": 365 * 24}
_ACTIONS = ("new", "list", "revoke")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("keys")(keys)


def keys(
    action: Annotated[
        str,
        typer.Argument(
            help="new: make a key, and show it once. list: all keys, without what they say. "
            "revoke: let one open nothing any more.",
            metavar="new|list|revoke",
            autocompletion=values(*_ACTIONS),
        ),
    ],
    key: Annotated[
        str | None,
        typer.Argument(help="With revoke: id or name of the key.", metavar="KEY"),
    ] = None,
    scope: Annotated[
        str,
        typer.Option(
            help="With new: read (search), write (also generate, label, decide) or admin (also "
            "index folders).",
            metavar="SCOPE",
            autocompletion=values("read", "write", "admin"),
        ),
    ] = "read",
    name: Annotated[
        str,
        typer.Option(
            help="With new: what lists and logs call it.", metavar="NAME", show_default=False
        ),
    ] = "",
    expires: Annotated[
        str | None,
        typer.Option(
            help="With new: how long it holds, such as 12h, 30d or 1y. Default: until revoked.",
            metavar="TIME",
            show_default=False,
        ),
    ] = None,
    state: StateOption = None,
    json: JsonOption = False,
) -> None:
    """Make, list and revoke the keys of a service.

    A key is shown once, when it is made; what is kept is a hash. A running service heeds all of it
    a second later.
    """
    from vitrail.indexer.errors import InputError

    folder, action = state_folder(state), choice("what to do", action, _ACTIONS)
    if (key is None) == (action == "revoke"):
        raise InputError("revoke takes the id or name of one key, and the others none")
    if action == "new":
        _make(folder, choice("--scope", scope, ("read", "write", "admin")), name, expires, json)
    elif action == "list":
        _list(folder, as_json=json)
    else:
        _revoke(folder, key or "")


def _make(folder: Path, scope: str, name: str, expires: str | None, json: bool) -> None:
    from vitrail.service.cli.documents import print_document
    from vitrail.service.http.observing.audit import AuditLog
    from vitrail.service.http.security.keys import make_key
    from vitrail.service.http.security.scopes import SCOPES

    lasts = None if expires is None else _time(expires)
    made, text = make_key(folder, SCOPES[scope], name=name, lasts=lasts)
    AuditLog(folder).add("key-made", key=made.id, name=made.name, scope=scope)
    if json:
        print_document({**_document(made), "key": text})
        return
    typer.echo(text)
    typer.echo("vitrail: keep it now; it is not shown again", err=True)


def _list(folder: Path, *, as_json: bool) -> None:
    from vitrail.service.cli.documents import print_document
    from vitrail.service.http.security.keys import read_keys

    held = [*read_keys(folder).values()]
    if as_json:
        print_document({"keys": [_document(key) for key in held]})
        return
    rows = [(key.id, key.scope.word, _state(key), key.name) for key in held]
    aligned = sys.stdout.isatty()
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        typer.echo("  ".join(cells).rstrip() if aligned else "\t".join(row))
    if not held:
        typer.echo("vitrail: no key was made yet: vitrail keys new --scope read", err=True)


def _state(key: Key) -> str:
    """Whether it opens anything, in words."""
    if key.revoked is not None:
        return f"revoked {key.revoked:%Y-%m-%d}"
    if key.expires is None:
        return "until revoked"
    return f"{'until' if key.holds(datetime.now(UTC)) else 'expired'} {key.expires:%Y-%m-%d}"


def _revoke(folder: Path, named: str) -> None:
    from vitrail.service.cli.text import one_line
    from vitrail.service.http.observing.audit import AuditLog
    from vitrail.service.http.security.keys import revoke_key

    revoked = revoke_key(folder, named)
    AuditLog(folder).add("key-revoked", key=revoked.id, name=revoked.name)
    typer.echo(one_line(f"Key {revoked.id} {revoked.name}".rstrip() + " opens nothing any more"))


def _document(key: Key) -> dict[str, str | None]:
    return {
        "id": key.id,
        "scope": key.scope.word,
        "name": key.name,
        "made": key.made.isoformat(timespec="seconds"),
        "expires": None if key.expires is None else key.expires.isoformat(timespec="seconds"),
        "revoked": None if key.revoked is None else key.revoked.isoformat(timespec="seconds"),
    }


def _time(given: str) -> timedelta:
    from vitrail.indexer.errors import InputError

    found = _TIME.fullmatch(given)
    if found is None:
        raise InputError(f"the time {given!r} is none; write it like 12h, 30d, 4w or 1y")
    return timedelta(hours=int(found[1]) * _HOURS[found[2]])
