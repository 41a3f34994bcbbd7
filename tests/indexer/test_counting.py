from __future__ import annotations

from vitrail.indexer.counting import counted


def test_one_is_one_and_many_are_many() -> None:
    assert [counted(n, "image") for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
    assert counted(1204, "copy", "copies") == "1,204 copies"
