"""Many small matrix products: by one thread, which does not wait for another."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[object]:
    """While it lasts, numpy's products take one thread each.

    A product of two hundred rows is shared out among threads, which then wait for one another: on
    a machine that is busy with other things it takes thirty times as long. What other libraries
    multiply by, such as FAISS, stays as it is. Where several threads want it, the first that did
    decides for as long as it lives.
    """
    limit: AbstractContextManager[object] = _of_numpy().limit(limits=1)
    return limit


@cache
def _of_numpy() -> ThreadpoolController:
    """What numpy multiplies by; nothing where it is a library that is not known."""
    everything = ThreadpoolController()
    paths = [one.filepath for one in everything.select(user_api="blas").lib_controllers]
    return everything.select(filepath=[path for path in paths if np.__name__ in path])
