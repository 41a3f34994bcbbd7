"""Two images compared, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrail.service.documents.plain import named_path

if TYPE_CHECKING:
    from vitrail.service.operations.comparing_images import ComparedImage, ImageComparison


def image_comparison_document(made: ImageComparison) -> dict[str, Any]:
    """All that was found, of plain types."""
    found = made.alignment
    return {
        "first": _image(made.first),
        "second": _image(made.second),
        "same_bytes": made.same_bytes,
        "score": made.score,
        "fpr": made.fpr,
        "closeness": made.closeness,
        "layers": [
            {
                "space": one.space,
                "cosine": one.cosine,
                "usual": one.usual,
                "highest": one.highest,
            }
            for one in made.layers
        ],
        "patches": {
            "first": {"matching": made.first_map.share, "grid": made.first_map.grid.tolist()},
            "second": {"matching": made.second_map.share, "grid": made.second_map.grid.tolist()},
        },
        "alignment": None
        if found is None
        else {
            "mirrored": found.mirrored,
            "scale": found.scale,
            "angle": found.angle,
            "shift": list(found.shift),
            "correlation": found.correlation,
            "overlap": found.overlap,
        },
        "ssim": made.ssim,
        "recipes": [
            {"name": one.name, "first": one.first, "second": one.second, "same": one.same}
            for one in made.recipes
        ],
    }


def _image(one: ComparedImage) -> dict[str, Any]:
    width, height = one.size
    return {"name": one.name, **named_path(one.path), "width": width, "height": height}
