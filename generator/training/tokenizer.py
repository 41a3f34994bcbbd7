"""A small CLIP tokenizer, its vocabulary learned from the captions."""

from __future__ import annotations

import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vitrail.indexer.files.durability import make_directory, write_bytes

START, END = "<|startoftext|>", "<|endoftext|>"
_INDEX = "tokenizer.json"  # which is there where all of it is


def build_once(folder: Path, captions: Iterable[str], *, vocabulary: int, length: int) -> Any:
    """Return the tokenizer kept in the folder, built and kept there first if there is none.

    A run's weights mean nothing under another tokenizer, so it is stored with them. The file that
    tells that it is there is written last: a kill leaves none, or a whole one.
    """
    from transformers import CLIPTokenizer

    if not (folder / _INDEX).exists():
        made = build(captions, vocabulary=vocabulary, length=length)
        with tempfile.TemporaryDirectory() as beside:
            made.save_pretrained(beside)
            make_directory(str(folder))
            for name in sorted(os.listdir(beside), key=lambda name: (name == _INDEX, name)):
                write_bytes(str(folder / name), Path(beside, name).read_bytes())
    return CLIPTokenizer.from_pretrained(folder)


def build(captions: Iterable[str], *, vocabulary: int = 2600, length: int = 36) -> Any:
    """Return a ``CLIPTokenizer`` whose byte-pair merges come from the captions.

    Args:
        captions: what the vocabulary is learned from; the same captions give the same tokenizer.
        vocabulary: most entries, at least 514: every byte, inside and at the end of a word.
        length: tokens a prompt is cut or padded to, both marks included.
    """
    from tokenizers import pre_tokenizers
    from transformers import CLIPTokenizer

    # An untrained CLIP tokenizer lends its own normaliser and word splitting.
    like = CLIPTokenizer(vocab={START: 0, END: 1}, merges=[]).backend_tokenizer
    words = Counter(
        word
        for caption in captions
        for word, _ in like.pre_tokenizer.pre_tokenize_str(like.normalizer.normalize_str(caption))
    )
    bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
    singles = [*bytes_, *(f"{one}</w>" for one in bytes_)]
    merges = learn_merges(words, vocabulary - len(singles) - 2)
    entries = dict.fromkeys([*singles, *("".join(pair) for pair in merges), START, END])
    table = {token: index for index, token in enumerate(entries)}
    return CLIPTokenizer(vocab=table, merges=merges, model_max_length=length)


def learn_merges(words: Mapping[str, int], count: int) -> list[tuple[str, str]]:
    """Return byte-pair merges, the most frequent pair first and ties in alphabetical order.

    The usual trainer breaks ties by chance, and so numbers the rare pieces anew in each process.

    Args:
        words: how often each word occurs.
        count: most merges to learn.
    """
    pieces = {word: (*word[:-1], f"{word[-1]}</w>") for word in words}
    counts: Counter[tuple[str, str]] = Counter()
    holders: dict[tuple[str, str], set[str]] = defaultdict(set)
    for word, split in pieces.items():
        for pair in pairwise(split):
            counts[pair] += words[word]
            holders[pair].add(word)
    merges: list[tuple[str, str]] = []
    while len(merges) < count and counts:
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        for word in holders.pop(best):
            for pair in pairwise(pieces[word]):
                counts[pair] -= words[word]
            pieces[word] = _merge(pieces[word], best)
            for pair in pairwise(pieces[word]):
                counts[pair] += words[word]
                holders[pair].add(word)
        counts = +counts  # forget pairs that are no more
    return merges


def _merge(split: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    merged: list[str] = []
    for piece in split:
        if merged and (merged[-1], piece) == pair:
            merged[-1] = "".join(pair)
        else:
            merged.append(piece)
    return tuple(merged)


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
