"""numpy's products by one thread, and what others multiply by as it was."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import threading
import faiss, numpy
from threadpoolctl import ThreadpoolController
from vitrail.indexer.vectors.one_thread import one_thread

def threads():
    found = ThreadpoolController().select(user_api="blas").info()
    return {one["filepath"]: one["num_threads"] for one in found}

def other():
    with one_thread():
        pass

before = threads()
ours = [path for path in before if "numpy" in path]
assert ours
with one_thread():
    with one_thread():
        pass
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert threads() == before | dict.fromkeys(ours, 1), threads()
assert threads() == before, threads()
"""


def test_numpy_takes_one_thread_while_it_lasts() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
