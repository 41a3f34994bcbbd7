"""Filters that somebody else wrote: whatever they say, they read rows of the collection alone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.indexer.collection.holdings import FILTERED, FINGERPRINT, files
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import InputError
from vitrail.indexer.records import Batch

SECRET = "xyzzy-of-a-file"
VARIABLE = "xyzzy-of-a-variable"
BOUND = 2.0  # seconds that a filter may take here, and
SLACK = 58.0  # what a busy machine may add

WORDS = """
label width height name path prompt keywords labels taken_at recipe seed null true 0 -1 7 1e308 'a'
'%' '' '(a*)*b' [] [1] {} today() now() 99999999999999999999999 'SECRET' 'FOLDER/out.csv'
"""
VALUES = st.sampled_from(
    [*WORDS.split(), "date '2024-01-01'", "interval 9 days", "repeat('a', 20)", "lambda x: x"]
)
NAMES = """
lower len regexp_matches contains list_contains list_filter concat concat_ws repeat range read_text
read_csv read_csv_auto read_parquet read_json read_blob glob sniff_csv getenv current_setting
set_config sleep_ms pragma_version duckdb_settings query query_table nextval parquet_scan
sqlite_scan iceberg_scan which_secret duckdb_secrets json_extract lpad rpad generate_series unnest
list_transform list_reduce array_agg count random uuid md5 strftime strptime format printf make_date
error
"""
CALLS = st.sampled_from(NAMES.split())
SHELLS = st.sampled_from(
    [
        *("({0})", "not {0}", "-{0}", "{0} is null", "{0} = {1}", "{0} < {1}", "{0} or {1}"),
        *("{0} and {1}", "{0} || {1}", "{0} in ({1}, {0})", "{0} between {1} and {0}"),
        *("{0} like {1}", "{0} ilike {1}", "{0}::varchar", "{0}::integer[]", "{0}[{1}]"),
        *("case when {0} then {1} end", "[{0}, {1}]", "list_filter({0}, lambda x: x = {1})"),
        *("[x for x in {0} if x = {1}]", "{0}->>{1}", "(select {0} from {1})", "exists (from {0})"),
        *("{0}; {1}", "{0}) or ({1}", "{0} -- {1}", "{0} /* {1} */", "columns(*) = {0}"),
        *("{0}; copy (select 1) to 'FOLDER/out.csv'", "{0}; attach 'FOLDER/x.db'"),
        *("{0}; install httpfs", "{0}; set threads = 1", "{0}; export database 'FOLDER/all'"),
        *("{0} over ()", "{0} collate nocase", "$1 = {0}", "? = {0}", "{0} similar to {1}"),
    ]
)


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    shelled = st.tuples(SHELLS, inner, inner).map(lambda t: t[0].format(t[1], t[2]))
    called = st.tuples(CALLS, st.lists(inner, max_size=3)).map(
        lambda t: f"{t[0]}({', '.join(t[1])})"
    )
    return st.one_of(shelled, called)


FILTERS = st.one_of(st.recursive(VALUES, grown, max_leaves=8), st.text(max_size=40))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a collection, and beside it a file that no filter may read."""
    folder = tmp_path_factory.mktemp("fuzzed")
    (folder / "secret.txt").write_text(SECRET)
    with CollectionStore.create(folder / "collection", FINGERPRINT) as store:
        store.commit(Batch(FILTERED, files([1, 2, 3])))
    return folder


@pytest.fixture(scope="module")
def reader(place: Path) -> Iterator[CollectionStore]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XYZZY", VARIABLE)
        patched.setenv("VITRAIL_FILTER_SECONDS", str(BOUND))
        with CollectionStore.open(place / "collection") as opened:
            opened.allowed_ids("true")
            yield opened


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    """What lies in a folder: names, sizes, and when each was last written to."""
    found = ((str(path), path.stat()) for path in folder.rglob("*"))
    return {name: (told.st_size, told.st_mtime_ns) for name, told in found}


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FILTERS)
@example("exists (from read_text('SECRET'))")
@example("prompt = getenv('XYZZY')")
@example("error(getenv('XYZZY')) is null")
@example("length(read_text('SECRET')) > 0")
@example("true; copy (select 'x') to 'FOLDER/out.csv'")
@example("len(list_filter(keywords, lambda x: regexp_matches(repeat('a', 99999), '(a*)*b'))) > 0")
@example("name = current_setting('home_directory')")
def test_no_filter_writes_reads_a_file_or_variable_or_outlasts_its_bound(
    place: Path, reader: CollectionStore, text: str
) -> None:
    where = text.replace("SECRET", str(place / "secret.txt")).replace("FOLDER", str(place))
    before, variables = everything(place), dict(os.environ)
    started = time.monotonic()
    told = ""
    try:
        found = reader.allowed_ids(where)
    except InputError as error:
        told = str(error)
    else:
        assert set(found.tolist()) <= {1, 2, 3}
    assert time.monotonic() - started < BOUND + SLACK
    assert SECRET not in told
    assert VARIABLE not in told
    assert "\n" not in told
    assert everything(place) == before
    assert dict(os.environ) == variables


def test_the_secrets_would_be_seen(place: Path) -> None:
    import duckdb

    read = f"select content from read_text('{place / 'secret.txt'}')"
    assert duckdb.connect().execute(read).fetchall() == [(SECRET,)]
    before = everything(place)
    (place / "out.csv").write_text("x")
    assert everything(place) != before
    (place / "out.csv").unlink()


def test_a_reader_answers_as_before_after_all_that(reader: CollectionStore) -> None:
    assert reader.allowed_ids("width > 512").tolist() == [2, 3]
