"""Hits as a table: an Arrow one, which every data frame can be made from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.columns import BUILT_IN
from vitrail.indexer.errors import InputError
from vitrail.indexer.image_columns import IMAGE_COLUMNS, RECIPE_COLUMNS, arrow_type
from vitrail.indexer.paths import display

if TYPE_CHECKING:
    import pandas
    import pyarrow

    from vitrail.search.query import Hit

# Types must not depend on what some hits happen to hold, or lack.
_TYPES = {
    **{column.name: column.kind for column in IMAGE_COLUMNS},
    **RECIPE_COLUMNS,
    "score": "DOUBLE",
    "fpr": "DOUBLE",
    "closeness": "VARCHAR",
    "path": "VARCHAR",
    "paths": "VARCHAR[]",
    "name": "VARCHAR",
    "folder": "VARCHAR",
    "label": "VARCHAR",
    "missing": "BOOLEAN",
    "added_at": "TIMESTAMP",
    "top_label": "VARCHAR",
    "top_score": "DOUBLE",
    "labels": "VARCHAR[]",
}
_LEFT_OUT = ("predictions",)  # labels and top_score say it in columns


def hits_to_arrow(hits: Sequence[Hit]) -> pyarrow.Table:
    """One row a hit, in their order: id, score, ``score_SPACE``, fpr, closeness, paths, metadata.

    Where hits are grouped, ``more`` is how many more images each group holds.

    A recipe is its JSON text; bytes of a path that are no UTF-8 are shown escaped.
    """
    import pyarrow as pa

    rows = [_row(hit) for hit in hits]
    found = [name for row in rows for name in row]
    names = dict.fromkeys(["id", "score", *found, "fpr", "closeness", *BUILT_IN])
    return pa.table(
        {name: _column([row.get(name) for row in rows], _TYPES.get(name)) for name in names}
    )


def hits_to_pandas(hits: Sequence[Hit]) -> pandas.DataFrame:
    """As ``hits_to_arrow``, as a pandas data frame.

    Raises:
        InputError: pandas is not installed.
    """
    import pyarrow

    try:
        import pandas
    except ImportError as error:
        raise InputError(
            "to_pandas needs pandas, which is not installed: pip install pandas, or use to_arrow"
        ) from error
    table = hits_to_arrow(hits)
    # pandas makes floats of whole numbers among which some are missing, and a seed may pass 2^53
    whole = {pyarrow.uint64(): pandas.UInt64Dtype(), pyarrow.int32(): pandas.Int32Dtype()}
    return table.to_pandas(types_mapper=whole.get)


def _row(hit: Hit) -> dict[str, Any]:
    recipe = hit.metadata.recipe
    own = {
        "id": hit.id,
        "score": hit.score,
        **{f"score_{space}": score for space, score in hit.scores.items()},
        **({} if hit.group is None else {"more": hit.group.more}),
        "fpr": hit.fpr,
        "closeness": hit.closeness,
        "path": display(hit.paths[0]) if hit.paths else None,
        "paths": [display(path) for path in hit.paths],
        "recipe": None if recipe is None else json.dumps(recipe, default=str),
    }
    rest = {name: value for name, value in hit.metadata.to_dict().items() if name not in _LEFT_OUT}
    return own | rest | own  # ours come first, and hold


def _column(values: list[Any], kind: str | None) -> pyarrow.Array:
    import pyarrow as pa

    if kind is not None:
        return pa.array(values, arrow_type(kind))
    try:
        return pa.array(values)  # scores, and the user's own columns
    except pa.ArrowException:  # of no common type
        return pa.array([None if value is None else str(value) for value in values])
