"""How a service is set up: plain types, made by a door of the command line or by a program."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vitrail.indexer.errors import InputError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take.

    Attributes:
        body: bytes of a request's body.
        pixels: of an image that is asked with.
        k: hits of an answer.
        batch: questions of a batch.
    """

    body: int = 32 << 20
    pixels: int = 89_478_485
    k: int = 1_000
    batch: int = 256


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """What is served, and how.

    Attributes:
        collections: name -> directory; requests that name none ask the first one.
        state: folder of what is the service's own: jobs, keys, thumbnails.
        host: address that is listened at.
        port: of it; 0 for any that is free.
        roots: folders that may be indexed, by name.
        originals: whether the files of images are given out.
        paths: whether replies tell where files lie.
        read_only: whether nothing may be written.
        limits: of one request.

    Raises:
        InputError: no collection is named, or a name cannot stand in an address.
    """

    collections: Mapping[str, Path]
    state: Path
    host: str = "127.0.0.1"
    port: int = 8000
    roots: Mapping[str, Path] = field(default_factory=dict)
    originals: bool = True
    paths: bool = False
    read_only: bool = False
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if not self.collections:
            raise InputError("no collection is named; name at least one to serve")
        for name in (*self.collections, *self.roots):
            if not _NAME.fullmatch(name):
                raise InputError(
                    f"the name {name!r} cannot stand in an address; use up to 64 of a-z, 0-9, "
                    "dots, dashes and underscores, a letter or digit first"
                )
