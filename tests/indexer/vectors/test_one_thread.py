"""numpy's products by one thread, and what others multiply by as it was."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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


FORKED = """
import os, signal, threading
import numpy
from threadpoolctl import ThreadpoolController
from vitrail.indexer.vectors.one_thread import one_thread, product_threads

def other():
    with one_thread():
        begun.set()
        over.wait(20)

def child(own):
    pid = os.fork()
    if not pid:
        signal.alarm(20)
        with one_thread():
            within = product_threads()
        os._exit(0 if (within, product_threads()) == (1, own) else 1)
    assert os.waitpid(pid, 0)[1] == 0

ThreadpoolController().limit(limits=3, user_api="blas")
assert product_threads() == 3
begun, over = threading.Event(), threading.Event()
thread = threading.Thread(target=other)
thread.start()
assert begun.wait(10)
child(3)
with one_thread():
    child(1)
assert product_threads() == 1
over.set()
thread.join()
assert product_threads() == 3
"""


HALF_SET = """
import os, signal, threading, time
import numpy
from threadpoolctl import ThreadpoolController
from vitrail.indexer.vectors import one_thread as module

ThreadpoolController().limit(limits=3, user_api="blas")
assert module.product_threads() == 3
numpys = module._of_numpy()

class Slow:  # sets it, and takes its time to say what was there before
    lib_controllers = numpys.lib_controllers

    def limit(self, limits):
        was = numpys.limit(limits=limits)
        begun.set()
        time.sleep(0.3)
        return was

def other():
    with module.one_thread():
        pass

begun = threading.Event()
module._of_numpy = Slow
thread = threading.Thread(target=other)
thread.start()
assert begun.wait(10)
module._of_numpy = lambda: numpys
pid = os.fork()
if not pid:
    signal.alarm(20)
    os._exit(0 if module.product_threads() == 3 else 1)
thread.join()
assert os.waitpid(pid, 0)[1] == 0
assert module.product_threads() == 3
"""


TURNS = """
import threading
import numpy
from threadpoolctl import ThreadpoolController
from vitrail.indexer.vectors.one_thread import one_thread, product_threads

ThreadpoolController().limit(limits=3, user_api="blas")

def other():
    with one_thread():
        seen.append(product_threads())
        begun.set()
        over.wait(20)

for first in range(2):  # whoever is the last gives back what the first one took
    seen, begun, over = [], threading.Event(), threading.Event()
    thread = threading.Thread(target=other)
    if first:
        with one_thread():
            thread.start()
            assert begun.wait(10)
    else:
        thread.start()
        assert begun.wait(10)
        with one_thread():
            over.set()
            thread.join()
            assert product_threads() == 1
    over.set()
    thread.join()
    assert seen == [1], seen
    assert product_threads() == 3, (first, product_threads())
"""


def test_any_thread_may_take_and_give_back() -> None:
    done = subprocess.run([sys.executable, "-c", TURNS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.parametrize("script", [FORKED, HALF_SET], ids=["forked", "half-set"])
def test_a_forked_process_has_the_threads_that_another_thread_did_without(script: str) -> None:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
