"""Maps and samples, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrail.service.documents.plain import named_path

if TYPE_CHECKING:
    from vitrail.service.operations.mapping import ImageMap
    from vitrail.service.operations.sampling import ImageSample


def map_document(drawn: ImageMap) -> dict[str, Any]:
    """Clusters, and the place of every image."""
    return {
        "images": len(drawn.ids),
        "matching": drawn.matching,
        "layout": drawn.layout,
        "weights": dict(drawn.weights),
        "neighbour_recall": drawn.recall,
        "method": drawn.method,
        "clusters": [
            {
                "number": number,
                "name": cluster.name(number),
                "words": list(cluster.words),
                "size": cluster.size,
                "typical": list(cluster.typical),
            }
            for number, cluster in enumerate(drawn.clusters, 1)
        ],
        "places": [
            {
                "id": int(drawn.ids[i]),
                **named_path(path),
                "x": round(float(drawn.places[i, 0]), 5),
                "y": round(float(drawn.places[i, 1]), 5),
                "cluster": None if drawn.members[i] < 0 else int(drawn.members[i]) + 1,
                "outlier": round(float(drawn.outliers[i]), 4),
            }
            for i, path in enumerate(drawn.paths)
        ],
    }


def sample_document(chosen: ImageSample) -> dict[str, Any]:
    """The images, and how well they stand for all."""
    return {
        "images": [
            {
                "id": image.id,
                **named_path(image.path),
                "label": image.label,
                "stands_for": number,
            }
            for image, number in zip(chosen.images, chosen.stands_for, strict=True)
        ],
        "coverage": {"least": chosen.coverage.least, "median": chosen.coverage.median},
        "at_random": {"least": chosen.at_random.least, "median": chosen.at_random.median},
        "chosen_from": chosen.chosen_from,
        "matching": chosen.matching,
        "weights": dict(chosen.weights),
    }
