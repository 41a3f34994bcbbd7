"""Which calibration holds for a commit, and who waits for one that is being fitted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from vitrail.search.calibration import current
from vitrail.search.calibration.current import CurrentCalibrations

KEPT: Any = SimpleNamespace(spaces=("a",), images=100)


def commit(seq: int, images: int = 100, incarnation: str = "first") -> Any:
    state = SimpleNamespace(
        seq=seq, images=images, incarnation=incarnation, vectors_digest="0" * 64
    )
    return SimpleNamespace(state=state)


class Files:
    """What the file holds, which the tests set, and how often it and the vectors were read."""

    def __init__(self) -> None:
        self.kept: Any = KEPT
        self.looked: list[int] = []
        self.fitted: list[tuple[tuple[str, ...], int]] = []
        self.before: Callable[[], object] = bool

    def read(self, _: str, state: Any) -> Any:
        self.looked.append(state.seq)
        return self.kept

    def fit(self, of: Any, spaces: tuple[str, ...], copies: Any, *, sample: int) -> Any:
        self.before()
        self.fitted.append((spaces, of.state.images))
        return f"fitted to {of.state.images}"


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Files:
    made = Files()
    monkeypatch.setattr(current, "read_calibration", made.read)
    monkeypatch.setattr(current, "fit_calibration", made.fit)
    monkeypatch.setattr(current, "planted_in", lambda _: "copies")
    return made


def test_nobody_waits_who_does_not_ask_for_what_is_being_fitted(files: Files) -> None:
    calibrations: Any = CurrentCalibrations("c")
    fitting, go_on = Event(), Event()
    assert calibrations.of(commit(5), ("a",)) is KEPT
    assert calibrations.of(commit(5), ("c",)) == "fitted to 100"

    def wait() -> None:
        fitting.set()
        go_on.wait(60)

    files.before = wait
    with ThreadPoolExecutor(3) as threads:
        try:
            slow = [threads.submit(calibrations.of, commit(5), ("b",)) for _ in range(2)]
            assert fitting.wait(60)
            for spaces, known in ((("a",), KEPT), (("c",), "fitted to 100")):
                asked = threads.submit(calibrations.of, commit(5), spaces)
                assert asked.result(timeout=20) == known
            assert not any(one.done() for one in slow)
        finally:
            go_on.set()
        assert [one.result() for one in slow] == ["fitted to 100"] * 2
    assert files.fitted == [(("c",), 100), (("b",), 100)], "two that ask at once share one"


def test_the_file_is_looked_at_again_for_a_later_commit_where_it_did_not_do(files: Files) -> None:
    calibrations: Any = CurrentCalibrations("c")
    files.kept = None
    assert calibrations.of(commit(5), ("a",)) == "fitted to 100"
    assert calibrations.of(commit(5), ("a",)) == "fitted to 100"
    assert files.looked == [5]
    files.kept = KEPT
    assert calibrations.of(commit(6), ("a",)) is KEPT
    assert calibrations.of(commit(7), ("a",)) is KEPT
    assert files.looked == [5, 6]


def test_what_was_fitted_to_far_fewer_is_fitted_again(files: Files) -> None:
    calibrations: Any = CurrentCalibrations("c")
    files.kept = None
    for seq, images in ((5, 100), (6, 110), (7, 900)):
        calibrations.of(commit(seq, images), ("a",))
    assert files.fitted == [(("a",), 100), (("a",), 900)]


def test_what_is_of_another_catalog_is_forgotten(files: Files) -> None:
    calibrations: Any = CurrentCalibrations("c")
    assert calibrations.of(commit(5), ("a",)) is KEPT
    files.kept = None
    assert calibrations.of(commit(5, incarnation="second"), ("a",)) == "fitted to 100"
    assert calibrations.of(commit(5, incarnation="second"), ("a",)) == "fitted to 100"
    assert files.looked == [5, 5]
    assert len(files.fitted) == 1


def test_few_images_tell_nothing_and_what_is_made_holds_at_once(files: Files) -> None:
    calibrations: Any = CurrentCalibrations("c")
    assert calibrations.of(commit(5, 19), ("a",)) is None
    files.kept = None
    assert calibrations.of(commit(5), ("a",)) == "fitted to 100"
    made: Any = SimpleNamespace(spaces=("a", "b"), images=101)
    calibrations.keep(commit(5).state, made)
    assert calibrations.of(commit(5), ("b",)) is made
    assert files.looked == [5]
