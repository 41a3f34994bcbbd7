"""The text tower of an image-text checkpoint, by torch: sentences to where their images are."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from vitrail.indexer.encoders.base import EncodedTexts
from vitrail.indexer.encoders.checkpoints import Checkpoint
from vitrail.indexer.encoders.devices import PRECISIONS, choose_device, choose_precision
from vitrail.indexer.encoders.libraries import quiet_transformers
from vitrail.indexer.encoders.tokenizers import has_vocabulary
from vitrail.indexer.encoders.torch_encoder import load_model
from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.wording import first_line


class TorchTextEncoder:
    """Implements ``vitrail.indexer.encoders.base.TextEncoder`` with torch.

    Whatever runs the images: a query is one sentence, which no compiling would pay for.
    """

    def __init__(
        self, checkpoint: Checkpoint, *, device: str = "auto", precision: str = "auto"
    ) -> None:
        self._device = choose_device(device)
        # float32 unless something else is said: of one sentence nothing is won by less.
        name = "fp32" if precision == "auto" else choose_precision(precision, self._device)
        self._family = checkpoint.text_family()
        self.weights = checkpoint.weights
        self._tokenizer = _load_tokenizer(checkpoint)
        model: Any = load_model(checkpoint, self._family.model_class)
        if len(self._tokenizer) > model.config.text_config.vocab_size:
            raise CheckpointError(
                f"the tokenizer of {checkpoint.name!r} has more words than its text tower knows: "
                "download the checkpoint again, with its tokenizer"
            )
        self.longest = int(model.config.text_config.max_position_embeddings)
        self._tower = model.get_submodule(self._family.text_tower).to(
            self._device, PRECISIONS[name]
        )
        projection = self._family.text_projection
        self._projection: nn.Module = nn.Identity()
        if projection is not None:
            self._projection = model.get_submodule(projection).to(self._device, PRECISIONS[name])
        # Tokenizers are set up anew for each call; a second thread would meet half of that.
        self._turn = threading.Lock()

    def embed(self, texts: Sequence[str]) -> EncodedTexts:
        """Embed n texts, at least one.

        Raises:
            MemoryError: they do not fit.
        """
        lowered = [text.lower() if self._family.lowered else text for text in texts]
        with self._turn, torch.inference_mode():
            lengths = [len(ids) for ids in self._tokenizer(lowered)["input_ids"]]
            given = self._tokenizer(
                lowered,
                padding="max_length" if self._family.padded else True,
                truncation=True,
                max_length=self.longest,
                return_tensors="pt",
            ).to(self._device)
            pooled = self._projection(self._tower(**given).pooler_output)
            rows = nn.functional.normalize(pooled.float(), dim=-1).cpu().numpy()
        return EncodedTexts(
            np.ascontiguousarray(rows), tuple(length > self.longest for length in lengths)
        )


def _load_tokenizer(checkpoint: Checkpoint) -> Any:
    import transformers

    if not has_vocabulary(checkpoint.directory):
        raise CheckpointError(
            f"{checkpoint.name!r} has no tokenizer beside its weights: download the checkpoint "
            "again, with its tokenizer"
        )

    try:
        with quiet_transformers():
            return transformers.AutoTokenizer.from_pretrained(
                checkpoint.directory, local_files_only=True, trust_remote_code=False
            )
    except ImportError as error:  # some are read by sentencepiece, which most never need
        raise CheckpointError(
            f"the tokenizer of {checkpoint.name!r} needs sentencepiece, which is not installed: "
            "pip install 'vitrail[text]'"
        ) from error
    except Exception as error:  # a damaged tokenizer makes the libraries raise many kinds
        raise CheckpointError(
            f"the tokenizer of {checkpoint.name!r} cannot be read ({first_line(error)}): download "
            "the checkpoint again, with its tokenizer"
        ) from error
