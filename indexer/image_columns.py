"""The columns of an image, declared once: catalog, segments, filters and tables all follow from it.

Another one is a line here, a field of ``ImageRecord`` and of ``ImageInfo``, a rule for what an
import may hold (``collection/arrival_rows.py``), and a migration that spells it out; tests tell
which is lacking.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitrail.indexer.records import ImageRecord

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, slots=True)
class ImageColumn:
    """One column.

    Attributes:
        name: in the catalog, in segments and for users.
        kind: its SQL type.
        needed: whether every image has a value.
        read_again: whether it is replaced when the metadata of a known image are read again.
        shown: whether users see it, and filter by it.
    """

    name: str
    kind: str
    needed: bool = False
    read_again: bool = False
    shown: bool = True


IMAGE_COLUMNS = (
    ImageColumn("id", "BIGINT", needed=True),
    ImageColumn("content_hash", "VARCHAR", needed=True),
    ImageColumn("width", "INTEGER", needed=True),
    ImageColumn("height", "INTEGER", needed=True),
    ImageColumn("format", "VARCHAR", needed=True),
    ImageColumn("bytes", "BIGINT", needed=True),
    ImageColumn("taken_at", "TIMESTAMP", read_again=True),
    ImageColumn("camera", "VARCHAR", read_again=True),
    ImageColumn("latitude", "DOUBLE", read_again=True),
    ImageColumn("longitude", "DOUBLE", read_again=True),
    ImageColumn("rating", "INTEGER", read_again=True),
    ImageColumn("keywords", "VARCHAR[]", read_again=True),
    ImageColumn("generated", "BOOLEAN", needed=True),
    ImageColumn("recipe", "VARCHAR"),
    ImageColumn("read_version", "INTEGER", read_again=True, shown=False),
)
"""What is stored of each image; a recipe as its JSON text."""

RECIPE_COLUMNS = {
    "task": "VARCHAR",
    "prompt": "VARCHAR",
    "negative_prompt": "VARCHAR",
    "model": "VARCHAR",
    "seed": "UBIGINT",
    "sampler": "VARCHAR",
    "steps": "INTEGER",
    "guidance": "DOUBLE",
    "lora": "VARCHAR",
    "tool": "VARCHAR",
}
"""What the catalog has beside, taken out of the recipe: name -> SQL type."""

_ARROW = {
    "BIGINT": "int64",
    "UBIGINT": "uint64",
    "INTEGER": "int32",
    "DOUBLE": "float64",
    "BOOLEAN": "bool",
    "VARCHAR": "string",
    "TIMESTAMP": "timestamp[us]",
}


def arrow_type(kind: str) -> pyarrow.DataType:
    """The Arrow type of an SQL type that is declared here, or of a list of it."""
    import pyarrow as pa

    one = pa.type_for_alias(_ARROW[kind.removesuffix("[]")])
    return pa.list_(one) if kind.endswith("[]") else one


def is_list(column: ImageColumn) -> bool:
    """Whether its values are lists."""
    return column.kind.endswith("[]")


def stored_values(
    images: Iterable[ImageRecord], columns: Iterable[ImageColumn]
) -> dict[str, list[Any]]:
    """Column -> what is stored of each image; not for the id, which no record knows."""
    listed = list(images)
    return {
        column.name: [_stored(column, getattr(image, column.name)) for image in listed]
        for column in columns
        if column.name != "id"
    }


def _stored(column: ImageColumn, value: Any) -> Any:
    if column.name == "recipe":
        return None if value is None else json.dumps(value)
    return list(value) if is_list(column) else value
