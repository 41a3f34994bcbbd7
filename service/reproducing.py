"""``vitrail reproduce``: a recipe run again, and how alike the result is."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.errors import InputError

if TYPE_CHECKING:
    from generator.pictures import Picture
    from generator.pipelines import DiffusionModel
    from generator.recipes import Recipe
    from search.collection import Collection


def reproduce_image(directory: Path, text: str, out: Path | None) -> bool:
    """Run the recipe of an image again; print bytes, pixels and embedding compared.

    Returns:
        Whether the pixels are the same.

    Raises:
        InputError: the image has no recipe of ours, or its file or a parent's is gone.
    """
    from generator.lineage import reproduce
    from indexer.images.files import read_file
    from search.collection import Collection

    with Collection.open(directory) as pictures:
        (row,) = pictures.store.metadata([pictures.store.resolve(text)])
        _check_own(row)
        original = read_file(_existing(row)).data
        result = reproduce(original, _load, lambda parent: _find(pictures, parent.content_hash))
        png = io.BytesIO()
        result.image.save(png, "PNG")
        if out is not None:
            out.write_bytes(png.getvalue())
        print(f"bytes   {'the same' if result.bytes_equal else 'differ'}")
        print(f"pixels  {'the same' if result.pixels_equal else 'differ'}")
        for space, rows in pictures.embed(original, png.getvalue()).items():
            print(f"{space}  cosine {float(np.dot(rows[0], rows[1])):.6f}")
        for name, then, now in result.versions:
            print(f"{name} was {then or 'unknown'}, is {now or 'unknown'}")
    return result.pixels_equal


def _load(recipe: Recipe) -> DiffusionModel:
    """The recipe's checkpoint by the name it was used under.

    Raises:
        InputError: the recipe has LoRA files, of which it knows the hash but not the place.
    """
    from generator.pipelines import load_model

    if recipe.lora:
        names = ", ".join(lora.name for lora in recipe.lora)
        raise InputError(
            f"this image was made with LoRA {names}, whose files a recipe does not tell; make it "
            "again with the generating command and --lora FILE --force"
        )
    return load_model(recipe.checkpoint, revision=recipe.revision)


def _check_own(row: dict[str, Any]) -> None:
    recipe = row["recipe"]
    if not isinstance(recipe, dict) or not recipe.get("checkpoint_hash"):
        raise InputError(
            f"image {row['id']} has no recipe that Vitrail can run: only images it made itself "
            "name everything that is needed"
        )


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
