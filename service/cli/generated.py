"""What came of a run of the generator, in lines and as JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vitrail.service.cli.documents import print_document
from vitrail.service.documents.guards import line_document, record_document, refused_document
from vitrail.service.documents.plain import named_path

if TYPE_CHECKING:
    from vitrail.generator.batch import GeneratedFile
    from vitrail.service.operations.making import Generated
    from vitrail.service.operations.refusals import RefusedCopy


def refusal_line(image: RefusedCopy) -> str:
    """A sentence on an image that is not kept, and why."""
    return told_refusal(refused_document(image))


def told_refusal(image: Mapping[str, Any]) -> str:
    """The same, of an image as JSON has it."""
    told = f"refused: {image['prompt']!r}, seed {image['seed']}, "
    copied, kept = image["copies"], _name(image["kept_before"])
    if copied is None:
        told += "which images near it cannot be compared with: their files cannot be read now"
    else:
        told += f"copies {image['guard']['score']:.0%} of image {copied['id']} ({_name(copied)})"
    if kept:
        told += f"; an earlier run has kept it, and it stays: {kept}"
    return told


def _name(file: Mapping[str, Any]) -> str:
    """What a file is called, also where it is not told where it lies."""
    return os.path.basename(file.get("path") or file.get("name") or "")


def print_generated_as_json(made: Generated) -> None:
    """Print what was made as one JSON object."""
    print_document(
        {
            "asked": made.total,
            "made": made.made,
            "there": made.there,
            "lacking": made.lacking,
            "interrupted": made.interrupted,
            "guard": line_document(made.line),
            "images": [_file(file) for file in made.files],
            "refused": [refused_document(image) for image in made.refused],
            "notes": list(made.notes),
        }
    )


def _file(file: GeneratedFile) -> dict[str, Any]:
    return {
        **named_path(str(file.path)),
        "prompt": file.recipe.prompt,
        "seed": file.recipe.seed,
        "made": file.made,
        "guard": None if file.recipe.guard is None else record_document(file.recipe.guard),
    }
