"""How the values of columns are spread, to filter by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response

from vitrail.service.documents.plain import MODELS, model_name
from vitrail.service.http.fields import check_places
from vitrail.service.http.hosting import Asked, ServedBy
from vitrail.service.http.reading import Reading
from vitrail.service.http.schemas.base import reply
from vitrail.service.http.schemas.images import FacetRequest, FacetsReply
from vitrail.service.http.security.effects import READS
from vitrail.service.operations.columns import checked_columns
from vitrail.service.operations.facets import count_facets

if TYPE_CHECKING:
    from vitrail.indexer.catalog.facets import Facet

router = APIRouter(tags=["search"])


@router.post(
    "/facets", responses={200: {"model": FacetsReply}}, response_class=Response, openapi_extra=READS
)
def count_values(asked: FacetRequest, hosted: Asked, served: ServedBy) -> Response:
    """Values of columns with how many images have them; numbers and times as histograms."""
    reading = Reading(hosted)
    columns = checked_columns(reading.commit, asked.columns)
    check_places(columns, served)
    found = count_facets(
        reading.commit,
        columns,
        where=asked.sql,
        only=asked.only,
        most=asked.most,
        bins=asked.bins,
    )
    facets = [_facet(one, places=served.paths) for one in found]
    return reply({"facets": facets, "receipt": reading.receipt()})


def _facet(found: Facet, *, places: bool) -> dict[str, Any]:
    named = found.column in MODELS and not places
    return {
        "column": found.column,
        "kind": found.kind,
        "values": [
            {"value": value, "count": count}
            for value, count in (_by_name(found.values) if named else found.values)
        ],
        "bins": [{"low": one.low, "high": one.high, "count": one.count} for one in found.bins],
        "others": found.others,
        "missing": found.missing,
        "distinct": found.distinct,
    }


def _by_name(values: Iterable[tuple[Any, int]]) -> list[tuple[Any, int]]:
    """Models called by their names alone; those of one name are counted together."""
    counts = Counter[Any]()
    for value, count in values:
        counts[model_name(value) if isinstance(value, str) else value] += count
    return counts.most_common()
