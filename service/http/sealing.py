"""Cursors that nobody reads: a page's last image is remembered by values, which some may not see.

A signature alone would not do: where a list is sorted by the model, say, its cursor holds the path
of one, of which replies tell the last name alone. So cursors are sealed, by AES-SIV (RFC 5297) with
a secret of the service's own, which lies in its folder of state, so that a page goes on after a
restart. That needs no nonce, which a service that was copied or set back would use twice; and the
same cursor is always sealed alike, so that replies can be compared and kept.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from fastapi import Depends, Request

from vitrail.indexer.errors import InputError
from vitrail.indexer.files.durability import replacing

FILE = "cursors.key"
_KEY = 32  # bytes
_FOR = [b"vitrail: cursor of a list"]  # what is sealed for anything else is none


class CursorSeal:
    """Seals cursors, and opens what it has sealed.

    Args:
        key: 32 secret bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(key)

    @classmethod
    def in_folder(cls, state: Path) -> CursorSeal:
        """The seal of a service; where it cannot be kept, it holds as long as the service runs."""
        path = state / FILE
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            key = b""
        except OSError:  # unreadable now is not damaged
            return cls(secrets.token_bytes(_KEY))
        if len(key) == _KEY:
            return cls(key)
        key = secrets.token_bytes(_KEY)
        with suppress(OSError), replacing(str(path)) as beside:
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(handle, "wb") as file:
                file.write(key)
        return cls(key)

    def seal(self, cursor: str) -> str:
        """A cursor as it is told: nothing of it can be read, or altered."""
        sealed = self._cipher.encrypt(cursor.encode(), _FOR)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, text: str) -> str:
        """The cursor that was sealed.

        Raises:
            InputError: it is none of this service's, or was altered.
        """
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            return self._cipher.decrypt(data, _FOR).decode()
        except (binascii.Error, ValueError, InvalidTag):
            raise InputError(
                f"{text[:60]!r} is no cursor that this service gave for a list",
                remedy="take the whole of the page's `next`, or begin without one",
            ) from None


async def _seal(request: Request) -> CursorSeal:
    seal: CursorSeal = request.app.state.seal
    return seal


SealedBy = Annotated[CursorSeal, Depends(_seal)]
"""What seals the cursors of the service that a request came to."""
