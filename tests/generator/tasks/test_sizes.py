from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.tasks.sizes import working_size
from vitrail.indexer.errors import InputError

_INFO = CheckpointInfo("x", Path(), None, "0", "sd", 4, 4, 512, 8, "ddim")


@given(
    st.integers(1, 9000),
    st.integers(1, 9000),
    st.sampled_from([(64, 128), (512, None), (1024, None)]),
)
def test_working_sizes_fit(width: int, height: int, model: tuple[int, int | None]) -> None:
    info = replace(_INFO, native=model[0], largest=model[1])
    if max(width, height) > 32 * min(width, height):
        with pytest.raises(InputError, match="too thin"):
            working_size(info, width, height)
        return
    found = working_size(info, width, height)
    assert all(side % 8 == 0 and side >= 8 for side in found)
    assert max(found) <= (model[1] or 9000)
    # Rounding each side to the grid may add half a step to each.
    assert (found[0] - 4) * (found[1] - 4) <= info.working_area
    if width * height <= info.working_area and model[1] is None:
        assert all(abs(f - s) <= 4 or f == 8 for f, s in zip(found, (width, height), strict=True))
