from __future__ import annotations

import numpy as np
import pytest
import torch

from vitrail.indexer.memory import is_out_of_memory

MUCH = 1 << 48  # bytes that no machine has


def test_what_libraries_raise_where_there_is_no_memory_is_known() -> None:
    with pytest.raises(RuntimeError) as torchs:
        torch.empty(MUCH, dtype=torch.uint8)
    with pytest.raises(MemoryError) as numpys:
        np.empty(MUCH, np.uint8)
    assert is_out_of_memory(torchs.value)
    assert is_out_of_memory(numpys.value)


@pytest.mark.parametrize(
    ("said", "lacks"),
    [
        ("CUDA out of memory. Tried to allocate 2.00 GiB", True),
        ("MPS backend out of memory (MPS allocated: 1.00 GB)", True),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", True),
        ("cuDNN error: CUDNN_STATUS_ALLOC_FAILED", True),
        ("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes.", True),
        ("std::bad_alloc", True),
        ("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)", False),
        ("CUDA error: an illegal memory access was encountered", False),
    ],
)
def test_other_errors_are_told_apart(said: str, lacks: bool) -> None:
    assert is_out_of_memory(RuntimeError(said)) is lacks
