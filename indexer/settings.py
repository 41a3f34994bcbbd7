"""What the environment says of the program: every variable and default folder of ours.

A door reads them once, and hands them down by ``using``; where no door has, as in a program that
imports Vitrail, they are the environment's. Variables of libraries (``HF_HOME`` and the like) are
read where the library would.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

COLLECTION = "VITRAIL_COLLECTION"
CACHE = "VITRAIL_CACHE"
FILTER_SECONDS = "VITRAIL_FILTER_SECONDS"
STATE = "VITRAIL_STATE"
DEBUG = "VITRAIL_DEBUG"
KEY = "VITRAIL_KEY"
SERVER = "VITRAIL_SERVER"


@dataclass(frozen=True, slots=True)
class Settings:
    """How the program is set up; an empty text or ``None`` is the default.

    Attributes:
        collection: the directory of the collection where none is named.
        cache: the folder of what can be made again.
        filter_seconds: how long a filter may take, as it was written; it is checked when there is
            a filter.
        debug: whether errors come with their traceback.
        state: the folder of what is a service's own.
        key: by which a service that is asked lets in.
        server: the service that is asked where none is named; empty for none.
        address: where this process answers others, who may let it write; empty for nowhere.
    """

    collection: Path | None = None
    cache: Path | None = None
    filter_seconds: str = ""
    debug: bool = False
    state: Path | None = None
    key: str = field(default="", repr=False)
    server: str = ""
    address: str = ""

    @property
    def collection_directory(self) -> Path:
        """The collection where none is named: the one set, or one in the user's data folder."""
        if self.collection is not None:
            return self.collection
        import platformdirs

        return Path(platformdirs.user_data_dir("vitrail"), "collections", "default")

    @property
    def cache_folder(self) -> Path:
        """The folder of what can be made again: the one set, or the platform's."""
        if self.cache is not None:
            return self.cache
        import platformdirs

        return Path(platformdirs.user_cache_dir("vitrail"))

    @property
    def state_folder(self) -> Path:
        """The folder of what is a service's own, such as keys: the one set, or the user's data."""
        if self.state is not None:
            return self.state
        import platformdirs

        return Path(platformdirs.user_data_dir("vitrail"), "service")


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """What an environment says.

    Args:
        environment: variable -> value; ``None`` is the process's own.
    """
    said = os.environ if environment is None else environment
    collection, cache, state = said.get(COLLECTION), said.get(CACHE), said.get(STATE)
    return Settings(
        collection=Path(os.path.abspath(os.path.expanduser(collection))) if collection else None,
        cache=Path(cache) if cache else None,
        state=Path(os.path.abspath(os.path.expanduser(state))) if state else None,
        filter_seconds=said.get(FILTER_SECONDS, ""),
        debug=bool(said.get(DEBUG)),
        key=said.get(KEY, ""),
        server=said.get(SERVER, ""),
    )


_handed_down: list[Settings] = []


def in_use() -> Settings:
    """The settings that a door has handed down last, or what the environment says now."""
    return _handed_down[-1] if _handed_down else read_settings()


@contextmanager
def using(settings: Settings) -> Iterator[None]:
    """Hand settings down to all that runs in this process until this is left."""
    _handed_down.append(settings)
    try:
        yield
    finally:
        _handed_down.remove(settings)
