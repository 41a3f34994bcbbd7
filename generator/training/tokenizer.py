"""A small CLIP tokenizer, its vocabulary learned from the captions."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

START, END = "<|startoftext|>", "<|endoftext|>"


def build(captions: Iterable[str], *, vocabulary: int = 2600, length: int = 20) -> Any:
    """Return a ``CLIPTokenizer`` whose byte-pair merges come from the captions.

    Args:
        captions: what the vocabulary is learned from; the same captions give the same tokenizer.
        vocabulary: most entries, at least 514: every byte, inside and at the end of a word.
        length: tokens a prompt is cut or padded to, both marks included.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import CLIPTokenizer

    # An untrained CLIP tokenizer lends its own normaliser and word splitting.
    like = CLIPTokenizer(vocab={START: 0, END: 1}, merges=[]).backend_tokenizer
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer, learner.pre_tokenizer = like.normalizer, like.pre_tokenizer
    bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(bytes_) - 2,
        initial_alphabet=bytes_,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    learner.train_from_iterator(captions, trainer)
    with tempfile.TemporaryDirectory() as folder:
        learner.model.save(folder)
        lines = Path(folder, "merges.txt").read_text(encoding="utf-8").splitlines()
    merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    entries = [*bytes_, *(f"{b}</w>" for b in bytes_), *("".join(pair) for pair in merges)]
    table = {token: index for index, token in enumerate(dict.fromkeys([*entries, START, END]))}
    return CLIPTokenizer(vocab=table, merges=merges, model_max_length=length)


def tokenize(tokenizer: Any, prompts: Sequence[str]) -> Tensor:
    """Return token ids, (n, length) int64, cut and padded as the pipeline does it."""
    ids = tokenizer(
        list(prompts),
        padding="max_length",
        max_length=tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    ).input_ids
    assert isinstance(ids, Tensor)
    return ids.to(torch.int64)
