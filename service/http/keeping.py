"""What the service keeps for a while: uploads, and thumbnails."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from vitrail.service.http.hosting import ServedBy
from vitrail.service.http.security.callers import owner_of
from vitrail.service.http.security.guarding import CalledBy
from vitrail.service.operations.thumbnails import Thumbnails
from vitrail.service.operations.uploads import Uploads


@dataclass(frozen=True, slots=True)
class KeptData:
    """Both, in folders of the service's own.

    Attributes:
        uploads: images that were handed in, by whomever.
        thumbnails: small copies.
    """

    uploads: Uploads
    thumbnails: Thumbnails

    @classmethod
    def in_folder(cls, state: Path) -> KeptData:
        """KeptData below the folder of the service's state."""
        return cls(Uploads(state / "uploads"), Thumbnails(state / "thumbnails"))


async def _kept(request: Request) -> KeptData:
    kept: KeptData = request.app.state.kept
    return kept


KeptBy = Annotated[KeptData, Depends(_kept)]
"""What the service keeps that a request came to."""


async def _own_uploads(kept: KeptBy, caller: CalledBy, served: ServedBy) -> Uploads:
    return kept.uploads.of(owner_of(caller, served))


OwnUploads = Annotated[Uploads, Depends(_own_uploads)]
"""The images that who asks has handed in, where callers are told apart by keys."""
