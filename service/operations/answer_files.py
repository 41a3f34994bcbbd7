"""Answers to many questions in one file: Parquet, a row a hit, or JSON lines, one a question."""

from __future__ import annotations

import base64
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vitrail.indexer.errors import CollectionError, InputError
from vitrail.indexer.files.begun import begun_name, sweep_begun
from vitrail.indexer.files.durability import is_full, replacing
from vitrail.indexer.paths import display, raw
from vitrail.search.options import SearchOptions, shares
from vitrail.service.operations.batches import BatchAnswer, answer_batch
from vitrail.service.operations.progress import BatchProgress, Progress, nobody

if TYPE_CHECKING:
    from vitrail.search.query import Hit
    from vitrail.service.operations.query_sources import QuerySource
    from vitrail.service.operations.searchable import Searchable

ENDINGS = (".parquet", ".jsonl")
_ROWS = 1 << 15  # of a Parquet file written at a time
Write = Callable[[BatchAnswer], None]


@dataclass(slots=True)
class AnswerCounts:
    """How many questions were put, and how many of them could not be.

    Attributes:
        asked: of all.
        failed: of them, those that have an error in the place of hits.
        hits: in all.
    """

    asked: int = 0
    failed: int = 0
    hits: int = 0


def search_batch(
    collection: Searchable,
    source: QuerySource,
    options: SearchOptions,
    path: str,
    *,
    progress: Progress = nobody,
) -> AnswerCounts:
    """Put many questions, and write their answers into one file.

    A question that cannot be put is an answer with its error. The file is there once it is whole:
    what is interrupted leaves nothing, and begins anew.

    Args:
        collection: open.
        source: of the questions.
        options: how to search; neither ``fusion`` nor ``after``.
        path: of the file; ends in ``.parquet`` or ``.jsonl``.
        progress: told how far it is.

    Raises:
        InputError: as ``write_answers``, or an option is unusable.
        FilterError: so is the filter.
        CollectionError: the disk is full, or all was embedded anew by another encoder meanwhile.
    """
    store = collection.store
    weights = shares(options.spaces or store.default_weights, store.spaces)
    options = replace(options, spaces=weights)  # all by the same ones, whatever becomes the default
    progress(BatchProgress(0, source.total))
    return write_answers(
        path,
        answer_batch(collection, source.queries, options),
        [*weights],
        lambda counts: progress(BatchProgress(counts.asked, source.total, counts.failed)),
    )


def check_ending(path: str) -> None:
    """Refuse a file of a kind that answers are not written in.

    Raises:
        InputError: naming those that are.
    """
    if os.path.splitext(path)[1].lower() not in ENDINGS:
        raise InputError(
            f"cannot write answers to {path!r}: name a file that ends in {' or '.join(ENDINGS)}"
        )


def write_answers(
    path: str,
    answers: Iterable[BatchAnswer],
    spaces: Sequence[str],
    on_answer: Callable[[AnswerCounts], None] = lambda _: None,
) -> AnswerCounts:
    """Write answers as they come; the file is there once it is whole, or not at all.

    Args:
        path: ends in ``.parquet`` or ``.jsonl``.
        answers: taken one by one.
        spaces: that scores are told of.
        on_answer: called with the counts so far.

    Raises:
        InputError: another ending, or a place where nothing can be written.
        CollectionError: the disk is full.
    """
    check_ending(path)
    counts = AnswerCounts()
    opened = _parquet if path.lower().endswith(".parquet") else _json_lines
    place = os.path.abspath(path)
    begun = begun_name(place)
    try:
        sweep_begun(os.path.dirname(place), of=place)  # of a run that was killed
        with replacing(place, temporary=begun) as temporary, opened(temporary, spaces) as write:
            for answer in answers:
                write(answer)
                counts.asked += 1
                counts.failed += answer.result is None
                counts.hits += 0 if answer.result is None else len(answer.result.hits)
                on_answer(counts)
    except OSError as error:
        if is_full(error):
            raise CollectionError(
                f"disk full while writing the answers {path}", remedy="free some room there"
            ) from error
        raise InputError(
            f"cannot write the answers {path}: {error.strerror}; choose another file"
        ) from error
    return counts


@contextmanager
def _json_lines(path: str, spaces: Sequence[str]) -> Iterator[Write]:
    with open(path, "w", encoding="ascii") as handle:

        def write(answer: BatchAnswer) -> None:
            result = answer.result
            told = {
                "query": display(answer.name),
                "error": answer.error or None,
                "exact": None if result is None else result.exact,
                "estimated_recall": None if result is None else result.estimated_recall,
                "reason": None if result is None else result.reason or None,
                "hits": [] if result is None else [_told(hit, spaces) for hit in result.hits],
            }
            handle.write(json.dumps(told, allow_nan=False) + "\n")

        yield write


def _told(hit: Hit, spaces: Sequence[str]) -> dict[str, Any]:
    row = _row(hit, spaces)
    scores = {space: row.pop(f"score_{space}") for space in spaces}
    data = None if not hit.paths else raw(hit.paths[0])
    return {
        **{name: _finite(value) for name, value in row.items()},
        "scores": scores,
        "path_raw": None if data is None else base64.b64encode(data).decode(),
    }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _row(hit: Hit, spaces: Sequence[str]) -> dict[str, Any]:
    return {
        "id": hit.id,
        "score": hit.score,
        **{f"score_{space}": hit.scores.get(space) for space in spaces},
        "fpr": hit.fpr,
        "closeness": hit.closeness,
        "more": None if hit.group is None else hit.group.more,
        "path": display(hit.paths[0]) if hit.paths else None,
        "label": hit.metadata.label,
    }


@contextmanager
def _parquet(path: str, spaces: Sequence[str]) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            *(("query", pa.string()), ("rank", pa.int32()), ("id", pa.int64())),
            *((name, pa.float64()) for name in ("score", *(f"score_{s}" for s in spaces), "fpr")),
            *(("closeness", pa.string()), ("more", pa.int64())),
            *(("path", pa.string()), ("label", pa.string()), ("exact", pa.bool_())),
            *(("estimated_recall", pa.float64()), ("error", pa.string())),
        ]
    )
    rows: list[dict[str, Any]] = []
    with open(path, "wb") as handle, pq.ParquetWriter(handle, schema) as writer:

        def flush() -> None:
            if rows:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows.clear()

        def write(answer: BatchAnswer) -> None:
            rows.extend(_rows(answer, spaces))
            if len(rows) >= _ROWS:
                flush()

        yield write
        flush()


def _rows(answer: BatchAnswer, spaces: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A row a hit; one without any where there is none, so that no question is lost."""
    result, name = answer.result, display(answer.name)
    if result is None:
        yield {"query": name, "error": answer.error}
        return
    how = {"query": name, "exact": result.exact, "estimated_recall": result.estimated_recall}
    if not result.hits:
        yield how
    for rank, hit in enumerate(result.hits, 1):
        yield {**how, "rank": rank, **_row(hit, spaces)}
