"""Answers to many kinds of question by one collection, as plain JSON types.

``golden_answers.json`` holds those that Vitrail gave before its answers were put together of
columns. ``python -m tests.search.answers`` writes what it gives now: only where answers are meant
to change.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.indexer.collection.holdings import FINGERPRINT, content, file, image, vector
from vitrail.indexer.collection.snapshot import Snapshot
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import VitrailError
from vitrail.indexer.records import Batch, ImageRecord
from vitrail.search.calibration.current import CurrentCalibrations
from vitrail.search.options import SearchOptions
from vitrail.search.paging import Cursor
from vitrail.search.query import Hit, Origin, Query, SearchResult
from vitrail.search.searcher import Searcher

GOLDEN = Path(__file__).with_name("golden_answers.json")
Floats = NDArray[np.float32]
ONE = {"cls@2": 1.0}
BOTH = {"cls@2": 0.75, "mean@1": 0.25}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "many": {"k": 30},
    "score": {"min_score": 0.3},
    "rate": {"max_fpr": 0.2},
    "filter": {"where": "label = 'b' and width > 200", "k": 4},
    "shown files": {"where": "label = 'o' or width < 200"},
    "nothing": {"where": "label = 'nobody'"},
    "generated": {"only": "generated", "k": 4},
    "rrf": {"fusion": "rrf"},
    "best-score": {"fusion": "best-score"},
    "exact": {"exact": True, "k": 3},
    "by label": {"group_by": "label"},
    "by copies": {"group_by": "copies", "k": 5},
    "diverse": {"diverse": 0.5, "k": 5},
    "sorted": {"sort": "-width,path", "k": 6},
}


def make(place: Path) -> None:
    """A collection of 36 images; some have two files, recipes, labels of a head, or copies."""
    with CollectionStore.create(place, FINGERPRINT) as made:
        for numbers in (range(1, 15), range(15, 37)):
            files = [file(f"/pictures/{n}.jpg", n, label="abc"[n % 3]) for n in numbers]
            files += [file(f"/pictures/other/{n}.jpg", n, label="o") for n in numbers if not n % 7]
            made.commit(Batch([_image(n) for n in numbers], files))


def change(place: Path) -> None:
    """Images come, go and are told other things of: a reader brings forward what it has loaded."""
    with CollectionStore.open(place, writable=True) as writer:
        writer.commit(
            Batch([_image(n) for n in (40, 41)], [file(f"/late/{n}.jpg", n) for n in (40, 41)])
        )
        writer.remove([3, 28])
        writer.commit(Batch(labels={"/pictures/5.jpg": "c"}, gone=["/pictures/14.jpg"]))
        writer.commit(Batch(predictions={content(6): (("owl", 0.5), ("hare", 0.25))}))


def _image(number: int) -> ImageRecord:
    recipe: dict[str, Any] = {"prompt": f"a fox, {number}", "seed": number, "steps": 20}
    made = image(
        number,
        width=64 * (1 + number % 9),
        recipe=recipe if number % 5 == 0 else None,
        predictions=(("fox", 0.75),) if number % 4 == 0 else (),
    )
    like = {30: 2, 31: 2, 33: 8}.get(number)  # copies: other bytes, the same vectors
    return made if like is None else replace(made, vectors=image(like).vectors)


def answers(commit: Snapshot, place: Path) -> dict[str, Any]:
    """What a commit answers, by the names of query and options."""
    calibrations = CurrentCalibrations(str(place))
    origin = Origin(7, "tiny-vit", commit.fingerprint.digest)
    searcher = Searcher(commit, partial(calibrations.of, commit), origin)
    found: dict[str, Any] = {}
    for kind, query in _queries().items():
        for name, given in OPTIONS.items():
            found[f"{kind}, {name}"] = _told(searcher, query, given)
        found[f"{kind}, pages"] = list(_pages(searcher, query))
    each = Query(_rows(6, 17, 40), ONE, own=(6, None, 40), exclude=frozenset({9}))
    for name, given in OPTIONS.items():
        if "fusion" not in given:
            asked = replace(each, options=SearchOptions(**{"k": 5, **given}))
            found[f"each, {name}"] = [_document(one) for one in searcher.search_each(asked)]
    both = Query(_rows(6, 17), BOTH, SearchOptions(k=5))
    found["each by two spaces"] = [_document(one) for one in searcher.search_each(both)]
    return found


def _queries() -> dict[str, Query]:
    return {
        "one": Query(_rows(2), ONE),
        "excluded": Query(_rows(2), ONE, exclude=frozenset({2, 11})),
        "two spaces": Query(_rows(5), BOTH),
        "three": Query(_rows(5, 8, 100), ONE),
        "unlike": Query(_rows(5, 8), BOTH, negatives=_rows(12)),
        "prompt": Query(_rows(101, 102), ONE, background=_rows(*range(200, 206))),
    }


def _rows(*numbers: int) -> dict[str, Floats]:
    """Nearly unit rows whose bits no machine's rounding decides, by which cursors know a query."""
    return {
        space: np.stack([np.round(vector(n, space) * 1024) / 1024 for n in numbers])
        for space in BOTH
    }


def _told(searcher: Searcher, query: Query, given: dict[str, Any]) -> Any:
    try:
        return _document(searcher.search(replace(query, options=SearchOptions(**given))))
    except VitrailError as error:
        return str(error)


def _pages(searcher: Searcher, query: Query) -> Iterator[Any]:
    after = None
    for k in (2, 3, 40):
        result = searcher.search(replace(query, options=SearchOptions(k=k, after=after)))
        yield [[hit.id, hit.score] for hit in result.hits]
        after = result.next
        if after is None:
            return
        cursor = Cursor.read(after, query)
        yield [cursor.digest.hex(), cursor.score, cursor.id, cursor.seen]


def _document(result: SearchResult) -> dict[str, Any]:
    told = {
        "hits": [_hit(hit) for hit in result.hits],
        "exact": [result.exact, result.estimated_recall, result.candidates, result.allowed],
        "evidence": repr(result.evidence)
        if result.evidence.overlap is None
        else _plain(result.evidence),
        "stages": sorted(result.seconds),
        "hints": list(result.hints),
        "reason": result.reason,
        "weights": result.weights,
        "next": result.next is not None,
        "scale": None if result.scale is None else _plain(result.scale),
        "origin": repr(result.origin),
    }
    return told


def _plain(known: Any) -> dict[str, Any]:
    return {name: getattr(known, name) for name in type(known).__slots__}


def _hit(hit: Hit) -> list[Any]:
    known = hit.metadata.to_dict()
    del known["added_at"]  # when the test ran
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]
    group = None if hit.group is None else _plain(hit.group)
    rest = [list(hit.seed_ranks), group, hit.fpr, hit.closeness]
    return [hit.id, hit.score, hit.scores, list(hit.paths), *rest, digest]


def _write() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "c"
        make(place)
        change(place)
        with CollectionStore.open(place) as store:
            store.warm()
            snapshot = store.snapshot()
            assert isinstance(snapshot, Snapshot)
            told = answers(snapshot, place)
    lines = (f"{json.dumps(name)}: {json.dumps(one)}" for name, one in told.items())
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    _write()
