"""Which errors say that memory ran out, whoever raised them."""

from __future__ import annotations

# What torch's allocators of the CPU, CUDA and MPS say, cuBLAS and cuDNN, and C++ libraries of their
# own; most of it comes as a plain RuntimeError.
_SIGNS = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "buffer size",
    "status_alloc_failed",
    "bad_alloc",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it says that memory ran out, of the host or of the device."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in text for sign in _SIGNS)
