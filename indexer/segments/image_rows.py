"""The rows of a segment: images as Arrow columns, and back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrail.indexer.image_columns import (
    IMAGE_COLUMNS,
    ImageColumn,
    arrow_type,
    is_list,
    stored_values,
)
from vitrail.indexer.records import FileRecord, ImageRecord

if TYPE_CHECKING:
    import pyarrow as pa


_RECORDED = [column for column in IMAGE_COLUMNS if column.name != "id"]


def images_table(
    ids: Sequence[int],
    images: Sequence[ImageRecord],
    files: Iterable[FileRecord],
    spaces: Sequence[tuple[str, int]],
) -> pa.Table:
    """Rows of a new segment: ids and images in the same order, and the files that hold them."""
    import pyarrow as pa

    held: dict[str, list[dict[str, Any]]] = {}
    for file in files:
        held.setdefault(file.content_hash, []).append(
            {
                "path": os.fsencode(file.path),
                "size": file.size,
                "mtime_ns": file.mtime_ns,
                "label": file.label,
            }
        )
    columns = stored_values(images, IMAGE_COLUMNS) | {
        "id": list(ids),
        "predictions": [[{"label": a, "score": b} for a, b in i.predictions] for i in images],
        "files": [held.get(image.content_hash, []) for image in images],
    }
    arrays = [pa.array(columns[name], kind) for name, kind in column_types().items()]
    names = list(column_types())
    for space, dim in spaces:
        flat = np.concatenate([np.asarray(i.vectors[space], np.float32) for i in images])
        arrays.append(pa.FixedSizeListArray.from_arrays(pa.array(flat), dim))
        names.append(space)
    return pa.table(dict(zip(names, arrays, strict=True)))


def column_types() -> dict[str, Any]:
    """Arrow types of the columns beside the vectors."""
    import pyarrow as pa

    file = pa.struct(
        {"path": pa.binary(), "size": pa.int64(), "mtime_ns": pa.int64(), "label": pa.string()}
    )
    return {column.name: arrow_type(column.kind) for column in IMAGE_COLUMNS} | {
        "predictions": pa.list_(pa.struct({"label": pa.string(), "score": pa.float64()})),
        "files": pa.list_(file),
    }


def with_all_columns(table: pa.Table) -> pa.Table:
    """Rows of an older format with today's columns, empty ones for what it did not have."""
    import pyarrow as pa

    for name, kind in column_types().items():
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, kind))
    others = [name for name in table.column_names if name not in column_types()]
    return table.select([*column_types(), *others])


def file_records(table: pa.Table) -> list[FileRecord]:
    """The files that were known of a segment's images when it was written."""
    rows = zip(table["content_hash"].to_pylist(), table["files"].to_pylist(), strict=True)
    return [
        FileRecord(os.fsdecode(f["path"]), f["size"], f["mtime_ns"], content, f["label"])
        for content, listed in rows
        for f in listed or ()
    ]


def image_records(table: pa.Table, spaces: Sequence[tuple[str, int]]) -> list[ImageRecord]:
    """Rows of a segment as the records they were made from."""
    table = with_all_columns(table)
    rows = table.select(list(column_types())).to_pylist()
    vectors = {
        name: np.asarray(table[name].combine_chunks().flatten(), np.float32).reshape(-1, dim)
        for name, dim in spaces
    }
    return [
        ImageRecord(
            **{column.name: _read(column, row[column.name]) for column in _RECORDED},
            vectors={name: values[i] for name, values in vectors.items()},
            predictions=tuple((p["label"], p["score"]) for p in row["predictions"]),
        )
        for i, row in enumerate(rows)
    ]


def _read(column: ImageColumn, value: Any) -> Any:
    """What ``stored_values`` made of a value, back."""
    if column.name == "recipe":
        return None if value is None else json.loads(value)
    return tuple(value or ()) if is_list(column) else value
