"""What the service keeps for a while: uploads, and thumbnails."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from vitrail.service.operations.thumbnails import Thumbnails
from vitrail.service.operations.uploads import Uploads


@dataclass(frozen=True, slots=True)
class KeptData:
    """Both, in folders of the service's own.

    Attributes:
        uploads: images that were handed in.
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
