"""The files of a checkpoint's tokenizer, of whatever kind it is; no framework is imported."""

from __future__ import annotations

from pathlib import Path

FILES = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "merges.txt", "spiece.model", "tokenizer.model"),
)
"""Small files of the text tower's, of whatever kind its tokenizer is."""
VOCABULARIES = (
    *(("tokenizer.json",), ("vocab.json", "merges.txt")),
    *(("spiece.model",), ("tokenizer.model",)),
)
"""Each is enough by itself."""


def has_vocabulary(folder: Path) -> bool:
    """Whether a folder holds what a tokenizer knows; without it, some know nothing, silently."""
    return any(all((folder / name).is_file() for name in names) for names in VOCABULARIES)
