"""``vitrail reproduce``: a recipe run again, and how alike the result is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.errors import InputError

if TYPE_CHECKING:
    from generator.pictures import Picture
    from search.collection import Collection


def reproduce_image(directory: Path, text: str, out: Path | None) -> bool:
    """Run the recipe of an image again; print bytes, pixels and embedding compared.

    Returns:
        Whether the pixels are the same.

    Raises:
        InputError: the image has no recipe of ours, or its file or a parent's is gone.
    """
    from generator.lineage import reproduce
    from generator.recipes import Recipe
    from indexer.files import read_file
    from search.collection import Collection

    with Collection.open(directory) as pictures:
        (row,) = pictures.store.metadata([pictures.store.resolve(text)])
        recipe = Recipe.from_dict(_own_recipe(row))
        original = read_file(_existing(row)).data
        result = reproduce(recipe, original, find_parent=lambda h: _find(pictures, h))
        if out is not None:
            out.write_bytes(result.png)
        print(f"bytes   {'the same' if result.same_bytes else 'differ'}")
        print(f"pixels  {'the same' if result.same_pixels else 'differ'}")
        vectors = pictures.embed(original, result.png)
        for space, rows in vectors.items():
            print(f"{space}  cosine {float(np.dot(rows[0], rows[1])):.6f}")
        for name, (then, now) in result.differing_versions.items():
            print(f"{name} was {then}, is {now}")
    return bool(result.same_pixels)


def _own_recipe(row: dict[str, Any]) -> dict[str, Any]:
    recipe = row["recipe"]
    if not isinstance(recipe, dict) or not recipe.get("checkpoint_hash"):
        raise InputError(
            f"image {row['id']} has no recipe that Vitrail can run: only images it made itself "
            "name everything that is needed"
        )
    return recipe


def _existing(row: dict[str, Any]) -> str:
    for path in row["paths"]:
        if Path(path).exists():
            return str(path)
    raise InputError(f"the file of image {row['id']} is not on disk any more: {row['path']}")


def _find(pictures: Collection, content_hash: str) -> Picture | None:
    from generator.pictures import open_picture

    ids = pictures.store.allowed_ids("content_hash = ?", [content_hash]).tolist()
    for row in pictures.store.metadata(ids):
        return open_picture(_existing(row), image_id=row["id"])
    return None
