"""What came of a run of the generator, in lines and as JSON."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from vitrail.service.cli.documents import print_document
from vitrail.service.documents.plain import named_path

if TYPE_CHECKING:
    from vitrail.generator.batch import GeneratedFile
    from vitrail.indexer.recipes.recipe import GuardRecord
    from vitrail.service.operations.making import Generated
    from vitrail.service.operations.refusals import RefusedCopy


def refusal_line(image: RefusedCopy) -> str:
    """A sentence on an image that is not kept, and why."""
    told = f"refused: {image.prompt!r}, seed {image.seed}, "
    if image.copied is None:
        told += "which images near it cannot be compared with: their files cannot be read now"
    else:
        name = os.path.basename(image.copied.path or "")
        told += f"copies {image.found.score:.0%} of image {image.copied.id} ({name})"
    if image.there is not None:
        told += f"; an earlier run has kept it, and it stays: {image.there.name}"
    return told


def print_generated_as_json(made: Generated) -> None:
    """Print what was made as one JSON object."""
    line = made.line
    print_document(
        {
            "asked": made.total,
            "made": made.made,
            "there": made.there,
            "lacking": made.lacking,
            "interrupted": made.interrupted,
            "guard": None
            if line is None
            else {
                "line": line.score,
                "innocent": line.innocent,
                "references": line.compared,
                "references_that_are_copies": line.copied,
            },
            "images": [_file(file) for file in made.files],
            "refused": [_refused(image) for image in made.refused],
            "notes": list(made.notes),
        }
    )


def _file(file: GeneratedFile) -> dict[str, Any]:
    return {
        **named_path(str(file.path)),
        "prompt": file.recipe.prompt,
        "seed": file.recipe.seed,
        "made": file.made,
        "guard": None if file.recipe.guard is None else _record(file.recipe.guard),
    }


def _refused(image: RefusedCopy) -> dict[str, Any]:
    copied = image.copied
    there = None if image.there is None else str(image.there)
    return {
        "prompt": image.prompt,
        "seed": image.seed,
        "guard": _record(image.found),
        "copies": None if copied is None else {"id": copied.id, **named_path(copied.path)},
        "kept_before": named_path(there),
        "last": image.last,
    }


def _record(record: GuardRecord) -> dict[str, Any]:
    return {
        "rate": record.rate,
        "against": record.against,
        "score": record.score,
        "fpr": record.fpr,
        "copy_of": record.copy_of,
        "refused": list(record.refused),
    }
