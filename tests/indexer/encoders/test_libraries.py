"""What is set for the whole process is left as it was found, whoever comes and goes meanwhile."""

from __future__ import annotations

import warnings
from contextlib import ExitStack

import pytest
from transformers.utils import logging

from vitrail.indexer.encoders.libraries import quiet_transformers


def test_the_last_one_to_leave_restores_what_the_first_one_found() -> None:
    filters, level = list(warnings.filters), logging.get_verbosity()
    first, second = ExitStack(), ExitStack()
    first.enter_context(quiet_transformers())
    second.enter_context(quiet_transformers())
    first.close()
    assert warnings.filters[0][0] == "ignore", "the second one is still at work"
    assert logging.get_verbosity() > level
    second.close()
    assert warnings.filters == filters
    assert logging.get_verbosity() == level
    with pytest.raises(ValueError, match="as if"), quiet_transformers():
        raise ValueError("as if")
    assert warnings.filters == filters
