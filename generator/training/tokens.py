"""Tokens of one's own: rows beside those of a text encoder, which learn while all else stays.

That is textual inversion ("An Image is Worth One Word", 2022). A token of several vectors is as
many for the tokenizer: ``<zeb>``, ``<zeb>_1`` and so on, by which diffusers' pipelines replace
``<zeb>`` in a prompt.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.training.options import GeneratorOptions
from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import counted


class OwnRows(nn.Module):
    """An embedding of which some rows are one's own, and learn.

    Args:
        known: the text encoder's, which stays.
        tokens: of one's own, and the vocabulary's tokens of their vectors, in order.
        first: the vocabulary's number of the first of these.
        rows: (n, d) float32 that they begin with.
    """

    def __init__(
        self, known: nn.Embedding, tokens: dict[str, tuple[str, ...]], first: int, rows: Tensor
    ) -> None:
        super().__init__()
        self.known, self.tokens, self.first = known, tokens, first
        self.rows = nn.Parameter(rows)

    def forward(self, ids: Tensor) -> Tensor:
        """(n, k, d) rows, of the dtype of those known, of (n, k) int64 tokens."""
        place = ids - self.first
        own = (place >= 0) & (place < len(self.rows))
        learned = functional.embedding(place.clamp(0, len(self.rows) - 1), self.rows)
        return torch.where(own[..., None], learned, self.known(ids.masked_fill(own, 0)))

    def learned(self) -> dict[str, Tensor]:
        """Each token's rows (k, d) float32, on the CPU."""
        counts = [len(names) for names in self.tokens.values()]
        parts = torch.split(self.rows.detach().cpu().float(), counts)
        return {token: one.clone() for token, one in zip(self.tokens, parts, strict=True)}

    def merged(self) -> nn.Embedding:
        """All rows as one embedding."""
        known, own = self.known.weight.detach(), self.rows.detach().to(self.known.weight.dtype)
        rows = torch.cat([known[: self.first], own, known[self.first + len(own) :]])
        return nn.Embedding(rows.shape[0], rows.shape[1], _weight=rows, _freeze=True)


def add_tokens(
    pipeline: Any, part: str, info: CheckpointInfo, options: GeneratorOptions
) -> OwnRows:
    """Teach a tokenizer tokens of one's own, and give its text encoder rows for them.

    Args:
        pipeline: diffusers' own.
        part: the text encoder's name in it.
        info: the checkpoint that it is.
        options: which tokens, of how many vectors, that begin as what.

    Raises:
        InputError: one is known already, or too long, or what they begin as says nothing.
    """
    encoder = pipeline.components[part]
    tokenizer = pipeline.components[part.replace("text_encoder", "tokenizer")]
    known = encoder.get_input_embeddings()
    begun = _initial(known.weight, tokenizer, info, options)
    tokens = {token: vector_names(token, len(begun)) for token in options.tokens}
    _check_new(tokenizer, info, tokens)
    first = len(tokenizer)
    tokenizer.add_tokens([name for names in tokens.values() for name in names])
    rows = OwnRows(known, tokens, first, begun.repeat(len(tokens), 1))
    encoder.set_input_embeddings(rows)
    _find_ends(encoder, tokenizer)
    return rows


def vector_names(token: str, vectors: int) -> tuple[str, ...]:
    """What the vectors of a token are called, by diffusers' custom."""
    return (token, *(f"{token}_{number}" for number in range(1, vectors)))


def merge_rows(encoder: Any, rows: OwnRows) -> None:
    """Make one's own rows those of the text encoder."""
    whole = rows.merged()
    encoder.set_input_embeddings(whole)
    encoder.config.vocab_size = whole.num_embeddings


def _initial(
    known: Tensor, tokenizer: Any, info: CheckpointInfo, options: GeneratorOptions
) -> Tensor:
    """What each token's vectors begin as, (k, d) float32."""
    if options.initial is None:
        chance = torch.Generator().manual_seed(options.seed)
        drawn = torch.randn(options.vectors or 1, known.shape[1], generator=chance)
        return known.mean(dim=0) + known.std(dim=0) * drawn
    ids = tokenizer(options.initial, add_special_tokens=False).input_ids
    vectors = len(ids) if options.vectors is None else options.vectors
    if not ids:
        raise InputError(f"initial {options.initial!r} is no word that {info.name!r} knows")
    if len(ids) > vectors:
        raise InputError(
            f"initial {options.initial!r} is {counted(len(ids), 'token')} of {info.name!r}, and "
            f"vectors is {vectors}: give {len(ids)} or more, or fewer words"
        )
    places = torch.arange(vectors) % len(ids)
    return known.detach()[torch.tensor(ids)[places]].float().clone()


def _check_new(tokenizer: Any, info: CheckpointInfo, tokens: dict[str, tuple[str, ...]]) -> None:
    vocabulary = tokenizer.get_vocab()
    for token, names in tokens.items():
        if any(name in vocabulary for name in names) or f"{token}_1" in vocabulary:
            raise InputError(f"{info.name!r} knows the token {token} already: name another")
        window = int(tokenizer.model_max_length) - 2  # without the marks of start and end
        if len(names) > window:
            raise InputError(
                f"vectors is {len(names)}, and {info.name!r} sees {window} tokens of a prompt: "
                "give fewer"
            )


def _find_ends(encoder: nn.Module, tokenizer: Any) -> None:
    """Let a text encoder find a prompt's end by its mark.

    Older ones (that of SDXL among them) take the highest number for it, which new tokens have.
    """
    from transformers import CLIPTextModel

    for module in encoder.modules():
        if isinstance(module, CLIPTextModel):
            module.eos_token_id = module.config.eos_token_id = tokenizer.eos_token_id
    encoder.config.eos_token_id = tokenizer.eos_token_id  # type: ignore[union-attr]
