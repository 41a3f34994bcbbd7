"""How all images of a collection score for a question, to choose a cutoff by."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from vitrail.search.options import DEFAULTS, SearchOptions
from vitrail.search.query import Query, ScoreSpread
from vitrail.service.operations.queries import OtherEncoderError, answer_question
from vitrail.service.operations.searching import embed_query

if TYPE_CHECKING:
    from vitrail.search.searcher import Searcher
    from vitrail.service.operations.query_kinds import AnyQuery
    from vitrail.service.operations.searchable import Searchable

MOST = 20_000
"""Images that are looked at; of more a sample is."""


def spread_scores(
    collection: Searchable, query: AnyQuery, options: SearchOptions = DEFAULTS
) -> ScoreSpread:
    """The scores of all images that the filter lets through, as ``searching.search`` has them.

    Arguments and errors are those of ``searching.search``; cutoffs, the number of hits, groups and
    order do not count.
    """
    plain = replace(
        options, min_score=None, max_fpr=None, group_by=None, diverse=None, sort=None, after=None
    )

    def answer(searcher: Searcher, asked: Query) -> ScoreSpread:
        return searcher.spread(asked, MOST)

    while True:
        with suppress(OtherEncoderError):  # all was embedded anew meanwhile
            question = embed_query(collection, query, shown=False).question
            store, calibrations = collection.store, collection.calibrations
            return answer_question(store, calibrations, question, plain, answer)
