"""Keys: made once, shown once, and kept as hashes in a file that is only appended to.

A line a key and a line a revocation, so that no two processes can undo one another's, and a kill
leaves at most a line that was never promised. Of 256 random bits a plain sha256 is enough: slow
hashes are for passwords, which can be guessed, and would let any stranger keep the processor busy.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from vitrail.indexer.errors import InputError, VitrailError
from vitrail.service.http.appending import append
from vitrail.service.http.security.scopes import SCOPES, KeyScope

FILE = "keys.jsonl"
_PREFIX = "vitrail"
_LONGEST_NAME = 64


class UnusableKeysError(VitrailError):
    """The file of keys cannot be trusted as it is; no key is taken until it can."""

    code = "unusable-keys"


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key.

    Attributes:
        id: short and public; the key itself begins with it.
        scope: what it allows.
        name: what its maker calls it; may be empty.
        digest: sha256 (hex) of the whole key.
        made: when.
        expires: from when on it is refused.
        revoked: when it was; ``None`` while it holds.
    """

    id: str
    scope: KeyScope
    name: str
    digest: str
    made: datetime
    expires: datetime | None = None
    revoked: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it opens anything at a time."""
        return self.revoked is None and (self.expires is None or now < self.expires)


def make_key(
    state: Path, scope: KeyScope, *, name: str = "", lasts: timedelta | None = None
) -> tuple[Key, str]:
    """Make a key; what it says is nowhere else than in the answer.

    Args:
        state: folder of the service.
        scope: what it allows.
        name: for lists and logs, at most 64 characters.
        lasts: how long it holds; ``None`` until it is revoked.

    Raises:
        InputError: the name is too long, or holds what is no text for a line; ``lasts`` is no time.
        UnusableKeysError: the file of keys cannot be written.
    """
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise InputError(f"the name {name!r} is no line of at most {_LONGEST_NAME} characters")
    if lasts is not None and lasts <= timedelta(0):
        raise InputError("a key that has expired already opens nothing; give it a day or more")
    now = datetime.now(UTC)
    id_ = secrets.token_hex(4)
    text = f"{_PREFIX}_{id_}_{secrets.token_urlsafe(32)}"
    key = Key(id_, scope, name, _digest(text), now, None if lasts is None else now + lasts)
    _append(state, _line(key))
    return key, text


def revoke_key(state: Path, named: str) -> Key:
    """Let a key open nothing any more, at once also with a running service.

    Args:
        state: folder of the service.
        named: the key's id, or its name where no other key that holds has it.

    Raises:
        InputError: no key that holds is called so, or several are.
        UnusableKeysError: the file of keys cannot be read or written.
    """
    now = datetime.now(UTC)
    holding = [key for key in read_keys(state).values() if key.holds(now)]
    found = [key for key in holding if named in (key.id, key.name)]
    if len(found) != 1:
        many = f"{len(found)} keys are called" if found else "there is no key that holds called"
        raise InputError(f"{many} {named!r}; `vitrail keys list` shows the ids")
    _append(state, {"revoked": found[0].id, "at": now.isoformat()})
    return found[0]


def read_keys(state: Path) -> dict[str, Key]:
    """All keys ever made, by id; none where there is no file.

    Raises:
        UnusableKeysError: the file cannot be read, is no file of keys, or others may write to it.
    """
    path = state / FILE
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o022:
            raise UnusableKeysError(
                f"others than its owner may write to {path}", remedy=f"chmod 600 {path}"
            )
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableKeysError(f"{path} cannot be read: {error}") from error
    return _folded(path, [line for line in lines if line])


def find_key(keys: Mapping[str, Key], text: str, now: datetime) -> Key | None:
    """The key that a text is, if it holds; compared in a time that tells nothing.

    Args:
        keys: by id.
        text: what somebody gave as a key.
        now: the time.
    """
    prefix, _, rest = text.partition("_")
    key = keys.get(rest.partition("_")[0]) if prefix == _PREFIX else None
    # also where there is none, so that it takes as long
    same = hmac.compare_digest(_digest(text), key.digest if key else _digest(""))
    return key if key is not None and same and key.holds(now) else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _line(key: Key) -> dict[str, str]:
    line = {"key": key.id, "scope": key.scope.word, "name": key.name, "sha256": key.digest}
    line["at"] = key.made.isoformat()
    return line if key.expires is None else {**line, "expires": key.expires.isoformat()}


def _folded(path: Path, lines: list[str]) -> dict[str, Key]:
    keys: dict[str, Key] = {}
    for number, line in enumerate(lines, 1):
        try:
            said = json.loads(line)
            if "revoked" in said:
                old = keys[said["revoked"]]
                keys[old.id] = _revoked(old, datetime.fromisoformat(said["at"]))
            else:
                keys[said["key"]] = _key(said)
        except (ValueError, KeyError, TypeError) as error:
            if not line.endswith("}"):  # torn: who wrote it was not told that it is done
                continue
            raise UnusableKeysError(
                f"line {number} of {path} is no key", remedy="take that line out, or the file away"
            ) from error
    return keys


def _key(said: dict[str, Any]) -> Key:
    expires = said.get("expires")
    return Key(
        said["key"],
        SCOPES[said["scope"]],
        said["name"],
        said["sha256"],
        datetime.fromisoformat(said["at"]),
        None if expires is None else datetime.fromisoformat(expires),
    )


def _revoked(key: Key, at: datetime) -> Key:
    return Key(key.id, key.scope, key.name, key.digest, key.made, key.expires, at)


def _append(state: Path, line: dict[str, str]) -> None:
    """Add a line, durably; it begins with a line's end, since what was last may be torn."""
    path = state / FILE
    try:
        append(path, f"\n{json.dumps(line)}\n".encode())
    except OSError as error:
        raise UnusableKeysError(
            f"{path} cannot be written: {error.strerror or error}",
            remedy="name another folder by --state, or make room",
        ) from error
