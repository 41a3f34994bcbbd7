"""The reply of a search: what was found, how far to trust it, and what was asked with."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from vitrail.search.options import SearchOptions
from vitrail.service.documents.answers import explanation_document, trust_members
from vitrail.service.documents.images import metadata_document
from vitrail.service.documents.plain import MODELS, model_name
from vitrail.service.documents.receipts import result_receipt
from vitrail.service.http.asking import options_of, query_of
from vitrail.service.http.fields import fields_of
from vitrail.service.http.hosting import Hosted
from vitrail.service.http.observing.shadow import Asked, SearchWatch
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.schemas.searches import SearchRequest
from vitrail.service.operations.explaining import explain_answer
from vitrail.service.operations.progress import Event, Note, Progress, nobody
from vitrail.service.operations.query_kinds import AnyQuery
from vitrail.service.operations.searching import SearchAnswer, search
from vitrail.service.operations.uploads import Uploads

if TYPE_CHECKING:
    from vitrail.generator.monitoring import Preview
    from vitrail.indexer.cancellation import Cancellation


@dataclass(frozen=True, slots=True)
class SearchReplies:
    """Puts the searches of requests, and tells what came of them.

    Attributes:
        hosted: the collection.
        uploads: that get the images that prompts make.
        served: how the service is set up.
        progress: told while images are made and embedded.
        cancellation: looked at between denoising steps.
        preview: shown half-made images of prompts, where somebody asks for them.
        watch: told of every answer, where somebody counts.
    """

    hosted: Hosted
    uploads: Uploads
    served: ServiceOptions
    progress: Progress = nobody
    cancellation: Cancellation | None = None
    preview: Preview | None = None
    watch: SearchWatch | None = None

    def answer(self, asked: SearchRequest, given: Uploads | None = None) -> dict[str, Any]:
        """The reply to a request.

        Args:
            asked: what it asks.
            given: images that it may name by their tokens; ``None`` for those handed in.

        Raises:
            VitrailError: as of ``query_of`` and ``search``.
        """
        query = query_of(asked, given or self.uploads, self.served)
        options = options_of(asked, self.served)
        return self.put(query, options, asked.fields, asked.explain)

    def put(
        self, query: AnyQuery, options: SearchOptions, fields: Sequence[str] | None, explain: int
    ) -> dict[str, Any]:
        """The reply to a question.

        Args:
            query: what is asked.
            options: how to search.
            fields: columns of the hits that are told; ``None`` for the usual ones.
            explain: how many hits are explained.

        Raises:
            VitrailError: as of ``search``.
        """
        began = time.perf_counter()
        collection, notes = self.hosted.collection, list[str]()

        def note(event: Event) -> None:
            if isinstance(event, Note):
                notes.append(event.text)
            self.progress(event)

        told = fields_of(collection.store.snapshot(), fields, self.served)
        answer = search(
            collection,
            query,
            options,
            progress=note,
            cancellation=self.cancellation,
            preview=self.preview,
            shown=explain > 0,
        )
        searched = time.perf_counter()
        times = {"embed": searched - began - sum(answer.result.seconds.values())}
        if explain:
            answer = explain_answer(collection, answer, first=explain, progress=note)
            times["explain"] = time.perf_counter() - searched
        if self.watch is not None:
            asked = Asked(self.hosted, query, options, answer.result)
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
            "receipt": result_receipt(result, times, places=self.hosted.places),
            **trust_members(result),
            "weights": result.weights,
            "next": result.next,
            "notes": [*notes, *(answer.notes if self.served.paths else ())],
            "query": {
                "title": answer.query.title,
                "images": [
                    {"upload": self.uploads.put(image.data), "caption": image.caption}
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
        if not self.served.paths and group.by in MODELS and group.value:
            told["value"] = model_name(group.value)
        return told
