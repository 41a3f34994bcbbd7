"""A process of its own that reads PyTorch pickles, weights only, and writes safetensors.

``python -m vitrail.indexer.encoders.foreign.pickle_process SOURCE ... TARGET``. Read so, a pickle
may call nothing but what rebuilds tensors; should that ever fail, it fails here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

REFUSED = 2  # exit status: the last line on stderr says why
_INNER = ("state_dict", "model", "module")  # where training code puts the weights


def main(arguments: Sequence[str]) -> int:
    """Convert; the exit status.

    Args:
        arguments: the pickles, and the file to write.
    """
    import torch
    from safetensors.torch import save_file

    *sources, target = arguments
    found: dict[str, Tensor] = {}
    try:
        for source in sources:
            loaded = torch.load(source, map_location="cpu", weights_only=True)
            found |= _weights(loaded, source)
        save_file(found, target, metadata={"format": "pt"})
    except Exception as error:  # whatever it is, the parent tells it in one line
        print(" ".join(str(error).split())[:400] or type(error).__name__, file=sys.stderr)
        return REFUSED
    return 0


def _weights(loaded: Any, source: str) -> dict[str, Tensor]:
    """The named tensors, each with memory of its own, as safetensors wants them."""
    import torch

    for key in _INNER:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
    if not isinstance(loaded, Mapping) or not loaded:
        raise ValueError(f"{source} holds a {type(loaded).__name__}, not named weights")
    for name, tensor in loaded.items():
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"{source} holds {name}, which is a {type(tensor).__name__}, no weight")
    return {str(name): tensor.detach().clone().contiguous() for name, tensor in loaded.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
