"""Which folders a run walks, and whose options hold there."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.indexer.catalog.roots import KnownRoot
from vitrail.indexer.errors import InputError
from vitrail.indexer.indexing.options import IndexOptions, RootOptions
from vitrail.indexer.indexing.roots import RootPlan, plan_run, ruling_root

NOW = datetime.datetime(2026, 1, 1)


def known(path: Path, **options: object) -> KnownRoot:
    return KnownRoot(str(path), options, NOW, NOW)


def plans(*args: Path, roots: list[KnownRoot], **options: object) -> dict[str, RootPlan]:
    given_ = IndexOptions(**options)  # type: ignore[arg-type]
    return {plan.path: plan for plan in plan_run([str(arg) for arg in args], roots, given_)}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    for name in ("2024/private", "2024/trip", "scans"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "2024" / "a.jpg").write_bytes(b"x")
    return tmp_path


def test_what_is_not_said_is_as_remembered(top: Path) -> None:
    roots = [known(top, label_from="parent", exclude=["old/**"], max_pixels=9)]
    (plan,) = plans(top, roots=roots, exclude=(), classify=True).values()
    assert plan.options.to_dict() == {
        "exclude": [],
        "label_from": "parent",
        "max_pixels": 9,
        "classify": True,
    }
    assert plan.former.exclude == ("old/**",)
    assert plan.whole


def test_a_part_of_a_folder_is_ruled_by_the_whole_unless_something_else_is_said(top: Path) -> None:
    roots = [known(top, label_from="parent", exclude=["2024/private/**", "*.gif", "scans/x"])]
    part = plans(top / "2024", roots=roots)[str(top / "2024")]
    assert (part.base, part.whole) == (str(top), False)
    same = plans(top / "2024", roots=roots, label_from="parent")[str(top / "2024")]
    assert not same.whole
    own = plans(top / "2024", roots=roots, label_from="none")[str(top / "2024")]
    assert own.whole
    assert own.options.exclude == ("private/**", "*.gif")
    assert own.options.label_from == "none"
    file = plans(top / "2024" / "a.jpg", roots=roots)[str(top / "2024" / "a.jpg")]
    assert (file.base, file.options.label_from) == (str(top), "parent")


def test_a_folder_that_is_left_out_becomes_one_of_its_own_when_it_is_named(top: Path) -> None:
    roots = [known(top, exclude=["scans", "2024/private/**"])]
    for name in ("scans", "2024/private"):
        plan = plans(top / name, roots=roots)[str(top / name)]
        assert plan.whole
        assert not plan.options.selection.leaves_out("a.jpg")


def test_known_folders_below_are_walked_by_their_own_options(top: Path) -> None:
    roots = [known(top), known(top / "scans", label_from="parent"), known(top / "2024" / "trip")]
    found = plans(top, roots=roots, exclude=("2024/**",))
    assert found.keys() == {str(top), str(top / "scans")}
    assert found[str(top / "scans")].options.label_from == "parent"
    assert found[str(top / "scans")].options.exclude is None
    assert found[str(top)].apart == {str(top / "scans"), str(top / "2024" / "trip")}
    assert plans(roots=roots).keys() == {root.path for root in roots}


def test_parts_are_walked_once(top: Path) -> None:
    roots = [known(top)]
    assert plans(top / "2024", top, roots=roots).keys() == {str(top)}
    assert plans(top, top, roots=[]).keys() == {str(top)}


def test_what_cannot_be_planned_is_refused(top: Path) -> None:
    with pytest.raises(InputError, match=r"gone.* does not exist: check the path"):
        plans(top, top / "gone", roots=[])
    with pytest.raises(InputError, match="name a folder to index"):
        plans(roots=[])
    with pytest.raises(InputError, match="is not a glob"):
        plans(top, roots=[], exclude=("[z-a]",))


SAID = st.builds(
    RootOptions,
    st.none() | st.lists(st.sampled_from(["*.a", "b/**"])).map(tuple),
    st.none() | st.lists(st.sampled_from(["*.a", "b/**"])).map(tuple),
    st.sampled_from([None, "none", "parent"]),
    st.none() | st.booleans(),
    st.none() | st.integers(0, 9),
    st.none() | st.booleans(),
)


@given(SAID, SAID)
def test_options_come_back_from_json_and_give_way_to_what_is_said(
    before: RootOptions, said: RootOptions
) -> None:
    assert RootOptions.from_dict(before.to_dict() | {"a newer one": 1}) == before
    both = before.changed_by(said)
    assert both.to_dict() == before.to_dict() | said.to_dict()


def test_the_longest_folder_rules(tmp_path: Path) -> None:
    roots = {str(tmp_path): True, str(tmp_path / "a"): True}
    assert ruling_root(str(tmp_path / "a" / "b" / "c.jpg"), roots) == str(tmp_path / "a")
    assert ruling_root(str(tmp_path / "ab.jpg"), roots) == str(tmp_path)
    assert ruling_root(os.sep, roots) is None
