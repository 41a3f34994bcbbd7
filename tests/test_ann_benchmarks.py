"""Our side of ann-benchmarks: the calls that its runner makes, in its order."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.ann_benchmarks.module import Vitrail
from tests.indexer.vectors.vector_sets import clustered, reference

FOLDER = Path(__file__).parent.parent / "benchmarks" / "ann_benchmarks"
ROWS = clustered(3000, 24) * np.linspace(0.1, 9, 3000, dtype=np.float32)[:, None]
QUERIES = clustered(20, 24, seed=1) * np.float32(7)


@pytest.fixture
def fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vitrail]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    algorithm = Vitrail("angular")
    algorithm.fit(ROWS)
    yield algorithm
    algorithm.done()
    assert not os.listdir(tmp_path)


def cosine_nearest(count: int) -> np.ndarray:
    lengths = np.linalg.norm(ROWS, axis=1, keepdims=True)
    return reference(np.arange(len(ROWS)), ROWS / lengths, QUERIES, count)


@pytest.mark.parametrize("effort", [0.9, "exact"])
def test_the_nearest_by_angle_are_found_one_by_one_and_at_once(
    fitted: Vitrail, effort: float | str
) -> None:
    fitted.set_query_arguments(effort)  # type: ignore[arg-type]
    true = cosine_nearest(10)
    np.testing.assert_array_equal([fitted.query(query, 10) for query in QUERIES], true)
    fitted.batch_query(QUERIES, 10)
    np.testing.assert_array_equal(fitted.get_batch_results(), true)
    assert str(fitted) == f"vitrail(recall={effort})"
    assert fitted.get_additional() == {"kind": "exact", "recall_told": 1.0}
    assert fitted.get_memory_usage() > 1000


def test_no_answer_is_filled_up(fitted: Vitrail) -> None:
    assert sorted(fitted.query(QUERIES[0], len(ROWS) + 5)) == list(range(len(ROWS)))


def test_rows_without_direction_keep_the_numbers_of_the_others() -> None:
    rows = ROWS[:40].copy()
    rows[[0, 7]] = 0
    algorithm = Vitrail("angular")
    algorithm.fit(rows)
    assert algorithm.query(rows[8], 1).tolist() == [8]
    assert sorted(algorithm.query(rows[0], 40)) == sorted({*range(40)} - {0, 7})
    algorithm.done()
    algorithm.done()


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(ValueError, match="'euclidean' was given, not angular"):
        Vitrail("euclidean")
    algorithm = Vitrail("angular")
    for effort in (0.0, 1.0, 1, "all"):
        with pytest.raises(ValueError, match="was expected"):
            algorithm.set_query_arguments(effort)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="none of 3 vectors"):
        algorithm.fit(np.zeros((3, 4), np.float32))


def test_it_needs_no_more_than_its_image_installs() -> None:
    theirs = ("ansicolors", "docker", "h5py", "numpy", "yaml", "psutil")
    ours = ("faiss", "threadpoolctl", "vitrail", "benchmarks", "packaging")
    script = f"""
import importlib.abc, sys
import numpy as np
class Few(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in {theirs + ours} and top not in sys.stdlib_module_names:
            raise ImportError(name)
sys.meta_path.insert(0, Few())
from benchmarks.ann_benchmarks.module import Vitrail
algorithm = Vitrail("angular")
algorithm.fit(np.random.default_rng(0).standard_normal((9000, 24)))
algorithm.query(np.ones(24), 10)
algorithm.done()
"""
    root = FOLDER.parent.parent
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr


def test_its_configuration_names_the_class_and_efforts_that_it_takes() -> None:
    yaml = pytest.importorskip("yaml")
    whole = yaml.safe_load((FOLDER / "config.yml").read_text())
    assert list(whole) == ["float"]
    assert list(whole["float"]) == ["angular"]
    (one,) = whole["float"]["angular"]
    assert one["constructor"] == Vitrail.__name__
    algorithm = Vitrail("angular")
    for effort in one["run_groups"]["recall"]["query_args"][0]:
        algorithm.set_query_arguments(effort)
