"""What is measured of a process is its own."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

CODE = "from vitrail.indexer.export.trial import most_memory; print(most_memory())"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a child begins anew")
def test_memory_does_not_begin_with_the_parent_s() -> None:
    held = np.ones(75_000_000)  # 600 MB
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert 1 << 20 < int(done.stdout) < held.nbytes // 2
