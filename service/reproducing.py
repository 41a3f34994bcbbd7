"""``vitrail reproduce``: a recipe run again, and how alike the result is."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vitrail.indexer.errors import InputError
from vitrail.indexer.paths import at_home
from vitrail.service.options import check_target
from vitrail.service.progress import waiting
from vitrail.service.text import one_line

if TYPE_CHECKING:
    from vitrail.generator.pictures import Picture
    from vitrail.generator.pipelines import DiffusionModel
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.indexer.recipes.recipe import Parent, Recipe
    from vitrail.search.collection import Collection


def reproduce_image(
    directory: Path,
    text: str,
    out: Path | None,
    *,
    model: str | None = None,
    loras: Sequence[str] = (),
    ip_adapter: str | None = None,
) -> bool:
    """Run the recipe of an image again; print bytes, pixels and embedding compared.

    Args:
        directory: of the collection.
        text: the image, by id, path or content hash.
        out: where to keep the new image.
        model: the recipe's checkpoint under another name than it was used by.
        loras: files of the recipe's LoRAs that are not where they were.
        ip_adapter: file or directory of its IP-Adapter, if that is not where it was.

    Returns:
        Whether the pixels are the same.

    Raises:
        InputError: the image has no recipe of ours, or its file or a parent's is gone.
        CheckpointError: the checkpoint, a LoRA or an IP-Adapter is gone or another one.
    """
    from vitrail.generator.ip_adapters import open_ip_adapter
    from vitrail.generator.lineage import reproduce
    from vitrail.indexer.images.files import read_file
    from vitrail.search.collection import Collection

    if out is not None:
        check_target(out, "image")
    with Collection.open(directory) as pictures:
        (row,) = pictures.store.metadata([pictures.store.resolve(text)])
        _check_own(row)
        original = read_file(_existing(row)).data
        if ip_adapter is not None:
            open_ip_adapter(ip_adapter)  # from now on it is found by its hash, like any used before
        with waiting("running the recipe again"):
            result = reproduce(
                original,
                lambda recipe: _load(recipe, model, loras),
                lambda parent: _find(pictures, parent),
            )
        png = io.BytesIO()
        result.image.save(png, "PNG")
        if out is not None:
            at_home(out).write_bytes(png.getvalue())
        print(f"bytes   {'the same' if result.bytes_equal else 'differ'}")
        print(f"pixels  {'the same' if result.pixels_equal else 'differ'}")
        for space, rows in pictures.embed(original, png.getvalue()).items():
            print(f"{space}  cosine {float(np.dot(rows[0], rows[1])):.6f}")
        for name, then, now in result.versions:
            print(one_line(f"{name} was {then or 'unknown'}, is {now or 'unknown'}"))
    return result.pixels_equal


def _load(recipe: Recipe, model: str | None, loras: Sequence[str]) -> DiffusionModel:
    from vitrail.generator.loras import find_loras
    from vitrail.generator.pipelines import load_model

    files = find_loras(recipe.lora, loras)
    if model is not None:  # the revision is one of the recipe's own name
        return load_model(model, loras=files)
    return load_model(recipe.checkpoint, revision=recipe.revision, loras=files)


def _check_own(row: ImageInfo) -> None:
    if not (row.recipe or {}).get("checkpoint_hash"):
        raise InputError(
            f"image {row.id} has no recipe that Vitrail can run: only images it made itself "
            "name everything that is needed"
        )


def _existing(row: ImageInfo) -> str:
    for path in row.paths:
        if Path(path).exists():
            return str(path)
    raise InputError(f"the file of image {row.id} is not on disk any more: {row.path}")


def _find(pictures: Collection, parent: Parent) -> Picture | None:
    from vitrail.generator.pictures import open_picture

    ids = pictures.store.allowed_ids("content_hash = ?", [parent.content_hash]).tolist()
    for row in pictures.store.metadata(ids):
        role = f"the recipe's {parent.role} image"
        return open_picture(_existing(row), image_id=row.id, role=role)
    return None
