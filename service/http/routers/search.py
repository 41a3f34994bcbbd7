"""Searches: one, several at once, or by the image that a form sends."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter, File, Query, Response, UploadFile

from vitrail.indexer.errors import VitrailError
from vitrail.search.options import SearchOptions
from vitrail.service.documents.answers import explanation_document, trust_members
from vitrail.service.documents.images import metadata_document
from vitrail.service.documents.receipts import result_receipt
from vitrail.service.http.asking import OverLimitError, options_of, query_of
from vitrail.service.http.fields import fields_of
from vitrail.service.http.hosting import Asked, Hosted, ServedBy
from vitrail.service.http.keeping import KeptBy, KeptData
from vitrail.service.http.observing.shadow import Asked as Watched
from vitrail.service.http.observing.shadow import SearchWatch
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.problems import details_of
from vitrail.service.http.routers.operating import WatchedBy
from vitrail.service.http.schemas.base import reply
from vitrail.service.http.schemas.searches import (
    BatchReply,
    BatchRequest,
    SearchReply,
    SearchRequest,
)
from vitrail.service.operations.explaining import explain_answer
from vitrail.service.operations.progress import Event, Note
from vitrail.service.operations.query_kinds import AnyQuery, ImageQuery
from vitrail.service.operations.references import ImageBytes
from vitrail.service.operations.searching import SearchAnswer, search
from vitrail.service.operations.uploads import check_size

router = APIRouter(tags=["search"])


@dataclass(frozen=True, slots=True)
class _Searching:
    """What a search of a request needs beside its question."""

    hosted: Hosted
    kept: KeptData
    served: ServiceOptions
    watch: SearchWatch

    def answer(self, asked: SearchRequest) -> dict[str, Any]:
        query = query_of(asked, self.kept.uploads, self.served)
        options = options_of(asked, self.served.limits)
        return self.put(query, options, asked.fields, asked.explain)

    def put(
        self, query: AnyQuery, options: SearchOptions, fields: Sequence[str] | None, explain: int
    ) -> dict[str, Any]:
        began = time.perf_counter()
        collection, notes = self.hosted.collection, list[str]()

        def note(event: Event) -> None:
            if isinstance(event, Note):
                notes.append(event.text)

        told = fields_of(collection.store.snapshot(), fields, self.served)
        answer = search(collection, query, options, progress=note, shown=explain > 0)
        searched = time.perf_counter()
        times = {"embed": searched - began - sum(answer.result.seconds.values())}
        if explain:
            answer = explain_answer(collection, answer, first=explain, progress=note)
            times["explain"] = time.perf_counter() - searched
        asked = Watched(self.hosted, query, options, answer.result)
        self.watch.answered(asked, {**times, **answer.result.seconds})
        return self._document(answer, told, times, notes)

    def _document(
        self, answer: SearchAnswer, fields: Sequence[str], times: dict[str, float], notes: list[str]
    ) -> dict[str, Any]:
        result = answer.result
        why = {one.id: explanation_document(one) for one in answer.explanations}
        return {
            "hits": [
                {
                    "id": hit.id,
                    "score": hit.score,
                    "scores": hit.scores,
                    "fpr": hit.fpr,
                    "closeness": hit.closeness,
                    "group": self._group(hit.group),
                    "seed_ranks": list(hit.seed_ranks),
                    "metadata": metadata_document(hit.metadata, fields, places=self.served.paths),
                    **({"explanation": why[hit.id]} if hit.id in why else {}),
                }
                for hit in result.hits
            ],
            "receipt": result_receipt(result, times),
            **trust_members(result),
            "weights": result.weights,
            "next": result.next,
            "notes": [*notes, *(answer.notes if self.served.paths else ())],
            "query": {
                "title": answer.query.title,
                "images": [
                    {"upload": self.kept.uploads.put(image.data), "caption": image.caption}
                    for image in answer.query.images
                    if image.made
                ],
            },
        }

    def _group(self, group: Any) -> dict[str, Any] | None:
        if group is None:
            return None
        told = asdict(group)
        if not self.served.paths and group.by in ("path", "folder") and group.value:
            told["value"] = os.path.basename(group.value)
        return told


@router.post("/search", responses={200: {"model": SearchReply}}, response_class=Response)
def search_images(
    asked: SearchRequest, hosted: Asked, kept: KeptBy, served: ServedBy, watch: WatchedBy
) -> Response:
    """Find images by images, parts of images, texts, prompts, vectors, or mixtures of these.

    Several positives are one question. The receipt says whether the answer is exact, and of which
    commit it is. Images that a prompt makes are made first, which takes seconds.
    """
    return reply(_Searching(hosted, kept, served, watch).answer(asked))


@router.post("/search/batch", responses={200: {"model": BatchReply}}, response_class=Response)
def search_batch(
    asked: BatchRequest, hosted: Asked, kept: KeptBy, served: ServedBy, watch: WatchedBy
) -> Response:
    """Several searches at once. One that has no answer has its problem instead."""
    most = served.limits.batch
    if len(asked.searches) > most:
        raise OverLimitError(
            f"{len(asked.searches):,} searches were sent, and a batch holds {most:,} at most",
            remedy="send several batches",
        )
    searching = _Searching(hosted, kept, served, watch)
    return reply({"answers": [_answer(searching, one) for one in asked.searches]})


def _answer(searching: _Searching, asked: SearchRequest) -> dict[str, Any]:
    try:
        return searching.answer(asked)
    except VitrailError as error:
        return {"problem": details_of(error, searching.served)}


@router.post("/search/image", responses={200: {"model": SearchReply}}, response_class=Response)
def search_by_image(
    hosted: Asked,
    kept: KeptBy,
    served: ServedBy,
    watch: WatchedBy,
    image: Annotated[UploadFile, File(description="An image file.")],
    k: Annotated[int, Query(ge=1, description="Hits, at most.")] = 10,
    where: Annotated[str | None, Query(description="SQL expression over the columns.")] = None,
    fields: Annotated[list[str] | None, Query(description="Columns of each hit's metadata.")] = (
        None
    ),
) -> Response:
    """Find images by the one that a form sends: `curl -F image=@photo.jpg .../v1/search/image`."""
    data = image.file.read()
    check_size(data, served.limits.pixels)
    query = ImageQuery(ImageBytes(data, "the image"))
    if k > served.limits.k:
        raise OverLimitError(f"k is {k:,}, and an answer holds {served.limits.k:,} images at most")
    searching = _Searching(hosted, kept, served, watch)
    return reply(searching.put(query, SearchOptions(k=k, where=where), fields, 0))
