"""What an indexing job is asked with, and the folders that may be indexed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from vitrail.service.http.schemas.base import Open
from vitrail.service.http.schemas.bodies import JobBody
from vitrail.service.http.schemas.searches import Receipt

_Globs = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=1000)]], Field(max_length=100)
]


class IndexBody(JobBody):
    """Bring the collection up to date with folders that the service is set up to index.

    Attributes:
        root: name of the folder; all of them where none is named.
        path: of a folder or file below it, with slashes; all of the root where it is empty.
        include: globs of files to consider; as remembered where not given.
        exclude: globs of files and folders to leave out; as remembered where not given.
        label_from: ``parent`` labels each file with its folder's name, ``none`` takes labels away.
        keep_missing: keep images whose files are gone.
        classify: also store the labels of the checkpoint's head.
        accept_removals: go on where a folder lost so much that its disk may be away.
        rehash: read every file, also those whose size and time are as they were.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"root": "photos", "path": "2024/summer"}]}
    )

    root: Annotated[str, Field(max_length=64)] | None = None
    path: Annotated[str, Field(max_length=4096)] = ""
    include: _Globs | None = None
    exclude: _Globs | None = None
    label_from: Literal["parent", "none"] | None = None
    keep_missing: bool | None = None
    classify: bool | None = None
    accept_removals: bool = False
    rehash: bool = False


class Root(Open):
    """A folder that may be indexed.

    Attributes:
        name: of it.
        path: of it, where the service tells paths.
        available: whether it is there now.
    """

    name: str
    path: str | None
    available: bool


class Roots(Open):
    """All of them."""

    roots: list[Root]


class Reject(Open):
    """A file that could not be indexed.

    Attributes:
        name: of the file.
        root: name of the root that it lies in; ``null`` where it lies in none.
        path: below that root, with slashes; or all of it, where the service tells paths.
        bytes: its size.
        reason: short and stable.
        detail: a line for people.
    """

    name: str
    root: str | None
    path: str | None
    bytes: int
    reason: str
    detail: str


class Rejects(Open):
    """Files that could not be indexed, by path.

    Attributes:
        total: how many there are.
        rejects: the first of them.
        receipt: of which commit this is.
    """

    total: int
    rejects: list[Reject]
    receipt: Receipt
