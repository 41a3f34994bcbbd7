"""Everything that a commit answers, in a form that two readers of it can be held to."""

from __future__ import annotations

from typing import Any

from vitrail.indexer.catalog.listing import Listing
from vitrail.indexer.catalog.schema import TABLES, quote
from vitrail.indexer.collection.answering import Answering
from vitrail.indexer.errors import VitrailError

FILTERS = (
    "true",
    "label = 'a' or label is null",
    "width > 640 and not missing",
    "paths > 1 or name like '%1.jpg'",
    "list_contains(labels, 'owl') or top_score > 0.4",
    "prompt like '%fox%'",
    "content_hash like '%a%'",
    "list_contains(keywords, 'sea') or camera is not null",
    "note::INTEGER > 3",  # an error where a text is no number
    "score > 1",
    "no_such_column = 1",
)
SORTS = (("-width", "path"), ("label", "-id"), ("-added_at",))


def all_answers(commit: Answering) -> dict[str, Any]:
    """All that is known at a commit; what is refused is there as the words of the refusal."""
    ids = commit.allowed_ids("true").tolist()
    found: dict[str, Any] = {
        "state": commit.state,
        "files": commit.known_files(retried=("broken",)),
        "hashes": sorted(commit.content_hashes()),
        "embedded": sorted(commit.embedded_hashes()),
        "stale": sorted(commit.stale_hashes()),
        "unclassified": sorted(commit.unclassified_hashes()),
        "unclassifiable": commit.unclassifiable(),
        "roots": commit.roots(),
        "rejects": sorted(map(repr, commit.rejects())),
        "metadata": commit.metadata(ids),
        "tables": _tables(commit),
        "index": commit.index("cls@2").ids().tolist(),
        "vectors": commit.vectors(ids, "cls@2").tobytes(),
    }
    for where in FILTERS:
        found[where] = _told(lambda where=where: commit.allowed_ids(where).tolist())
    for where in FILTERS[::3]:
        found[f"suggested {where}"] = _told(lambda where=where: commit.suggest(where))
    for where in FILTERS[1::2]:
        found[f"shown {where}"] = _told(lambda where=where: commit.metadata(ids[:5], where))
    for sort in SORTS:
        with commit.listed(Listing("id > 1", sort, limit=7)) as (columns, rows):
            found[f"listed {sort}"] = columns, list(rows)
    return found


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What two commits answer in two ways."""
    return [
        f"{key}: {one.get(key)} instead of {other.get(key)}"
        for key in one | other
        if one.get(key) != other.get(key)
    ]


def _told(ask: Any) -> Any:
    try:
        return ask()
    except VitrailError as error:
        return str(error)


def _tables(commit: Answering) -> dict[str, list[str]]:
    found = {}
    with commit.reading() as connection:
        for table in TABLES:
            columns = connection.execute(f"PRAGMA table_info('{table}')").fetchall()
            listed = ", ".join(quote(row[1]) for row in columns if row[1] != "rowid")
            rows = connection.execute(f"SELECT {listed} FROM {table}").fetchall()
            found[table] = [listed, *sorted(map(repr, rows))]
    return found
