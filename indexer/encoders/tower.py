"""A vision tower as one torch graph: uint8 pixels in, pooled and normalised vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from vitrail.indexer.encoders.families import Family, HeadInput
from vitrail.indexer.images.preprocess import Preprocess
from vitrail.indexer.spaces import GEM_FLOOR, GEM_P, EmbeddingSpace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Head(nn.Module):
    """The checkpoint's classification head over the last layer's tokens."""

    def __init__(self, linears: Sequence[nn.Module], reads: HeadInput, prefix: int) -> None:
        super().__init__()
        self.linears = nn.ModuleList(linears)
        self.reads = reads
        self.prefix = prefix

    def forward(self, tokens: Tensor) -> Tensor:
        """(n, t, d) tokens to (n, classes) logits."""
        if len(self.linears) == 2:  # DeiT with its teacher: class and distillation token
            pair = [linear(tokens[:, i]) for i, linear in enumerate(self.linears)]
            mean: Tensor = (pair[0] + pair[1]) / 2
            return mean
        parts: list[Tensor] = []
        if self.reads.startswith("cls"):
            parts.append(tokens[:, 0])
        if self.reads.endswith("mean"):
            parts.append(tokens[:, self.prefix :].mean(dim=1))
        logits: Tensor = self.linears[0](torch.cat(parts, dim=-1))
        return logits


class Projection(nn.Module):
    """What makes of the last layer's tokens the embedding that texts are compared with."""

    def __init__(self, inner: nn.Module, reads: Literal["cls", "tokens"]) -> None:
        super().__init__()
        self.inner = inner
        self.reads = reads

    def forward(self, tokens: Tensor) -> Tensor:
        """(n, t, d) tokens to (n, dim)."""
        embedding: Tensor = self.inner(tokens[:, 0] if self.reads == "cls" else tokens)
        return embedding


class Tower(nn.Module):
    """Runs the blocks of a transformers model up to the deepest layer that is asked for.

    The embedding step is affine in the patch convolution's output, so that everything beside the
    convolution (class and register tokens, interpolated positions, biases) is computed once, by
    transformers' own code, and kept as a constant.

    Args:
        model: transformers' tower, float32, in eval mode.
        family: how its modules are laid out.
        spaces: what to compute.
        preprocess: mean and std of the normalisation.
        image_size: side of the input in pixels.
        prefix: tokens before the patch tokens.
        head: classification head, or ``None``; it makes every block run.
        projection: what makes the space ``proj``, where that is among them.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        family: Family,
        spaces: Sequence[EmbeddingSpace],
        preprocess: Preprocess,
        image_size: int,
        prefix: int,
        head: Head | None = None,
        projection: Projection | None = None,
    ) -> None:
        super().__init__()
        blocks = list(model.get_submodule(family.blocks).children())
        self.depth = len(blocks)
        self.prefix = prefix
        self.spaces = tuple(spaces)
        self.head = head
        self.projection = projection
        self.head_after_norm = family.head_after_norm
        deepest = self.depth if head is not None else max(space.layer for space in spaces)
        self.blocks = nn.ModuleList(blocks[:deepest])
        self.before = model.get_submodule(family.before) if family.before else None
        self.norm = model.get_submodule(family.norm) if deepest == self.depth else None
        embeddings = model.get_submodule("embeddings")
        patches = next(part for part in embeddings.modules() if isinstance(part, nn.Conv2d))
        self.patches = nn.Conv2d(
            patches.in_channels,
            patches.out_channels,
            kernel_size=patches.kernel_size,  # type: ignore[arg-type]
            stride=patches.stride,  # type: ignore[arg-type]
            bias=False,
        )
        self.patches.weight = patches.weight
        self.side = int(self.patches.stride[0])
        blank = torch.zeros(1, patches.in_channels, image_size, image_size)
        with torch.no_grad():
            offset = embed_tokens(embeddings, blank)
            rope = model.get_submodule("rope_embeddings")(blank) if _has_rope(model) else None
        self.register_buffer("offset", offset)
        self.rotates = rope is not None
        if rope is not None:
            self.register_buffer("cos", rope[0])
            self.register_buffer("sin", rope[1])
        # Kept in float32 whatever the precision: 1 / (255 std) is too small for float16.
        self.mean = [255.0 * value for value in preprocess.mean]
        self.scale = [1.0 / (255.0 * value) for value in preprocess.std]

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """(n, S, S, 3) uint8 to one (n, dim) float32 a space, and (n, classes) logits at last."""
        found: dict[EmbeddingSpace, Tensor] = {}
        last = raw = pixels
        for layer, raw, last in self._layers(pixels):  # noqa: B007 - the head reads the last of all
            self._take(layer, last, found)
        outputs = [found[space] for space in self.spaces]
        if self.head is not None:
            outputs.append(self.head(last if self.head_after_norm else raw).float())
        return tuple(outputs)

    def patch_tokens(self, pixels: Tensor, layers: Sequence[int]) -> dict[int, Tensor]:
        """(n, S, S, 3) uint8 to layer -> (n, gh, gw, dim) float32, of the patches alone."""
        rows, columns = (length // self.side for length in pixels.shape[1:3])
        found = {}
        for layer, _, tokens in self._layers(pixels):
            if layer in layers:
                patches = tokens[:, self.prefix :].float()
                found[layer] = patches.reshape(len(patches), rows, columns, -1)
            if len(found) == len(set(layers)):
                break
        return found

    def _layers(self, pixels: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Layer after layer: its number, its tokens, and these as spaces are taken from them."""
        raw = self._tokens(pixels)
        yield 0, raw, raw
        for layer, block in enumerate(self.blocks, start=1):
            raw = self._block(block, raw)
            tokens = self.norm(raw) if layer == self.depth and self.norm is not None else raw
            yield layer, raw, tokens

    def _tokens(self, pixels: Tensor) -> Tensor:
        mean = torch.tensor(self.mean, device=pixels.device)
        scale = torch.tensor(self.scale, device=pixels.device)
        values = ((pixels.float() - mean) * scale).permute(0, 3, 1, 2)
        return self._embedded(values)

    def _embedded(self, values: Tensor) -> Tensor:
        """(n, 3, S, S) normalised values to the tokens that the first block takes."""
        offset: Tensor = self.get_buffer("offset")
        patches = self.patches(values.to(offset.dtype)).flatten(2).transpose(1, 2)
        patches = patches + offset[:, self.prefix :]
        if self.prefix:
            lead = offset[:, : self.prefix].expand(values.shape[0], -1, -1)
            patches = torch.cat([lead, patches], dim=1)
        tokens: Tensor = patches if self.before is None else self.before(patches)
        return tokens

    def _block(self, block: nn.Module, tokens: Tensor) -> Tensor:
        result: Tensor
        if self.rotates:
            rope = (self.get_buffer("cos"), self.get_buffer("sin"))
            result = block(tokens, position_embeddings=rope)
        else:
            result = block(tokens, None)
        return result

    def _take(self, layer: int, tokens: Tensor, found: dict[EmbeddingSpace, Tensor]) -> None:
        for space in self.spaces:
            if space.layer == layer:
                found[space] = nn.functional.normalize(self._pooled(space, tokens), dim=-1)

    def _pooled(self, space: EmbeddingSpace, tokens: Tensor) -> Tensor:
        if space.pooling == "proj" and self.projection is not None:
            projected: Tensor = self.projection(tokens)
            return projected.float()
        return POOL[space.pooling](tokens, self.prefix)


def embed_tokens(embeddings: nn.Module, images: Tensor) -> Tensor:
    """Transformers' own embedding of (n, 3, S, S) images, positions interpolated if need be."""
    size = getattr(embeddings, "image_size", None)
    if size is None or size in (images.shape[-1], (images.shape[-1], images.shape[-1])):
        return embeddings(images)  # type: ignore[no-any-return]
    return embeddings(images, interpolate_pos_encoding=True)  # type: ignore[no-any-return]


def _has_rope(model: nn.Module) -> bool:
    return any(name == "rope_embeddings" for name, _ in model.named_children())


def _mean(tokens: Tensor, prefix: int) -> Tensor:
    return tokens[:, prefix:].float().mean(dim=1)


def _gem(tokens: Tensor, prefix: int) -> Tensor:
    floored = tokens[:, prefix:].float().clamp(min=GEM_FLOOR)
    return floored.pow(GEM_P).mean(dim=1).pow(1.0 / GEM_P)


def _cls(tokens: Tensor, prefix: int) -> Tensor:
    del prefix
    return tokens[:, 0].float()


POOL: dict[str, Callable[[Tensor, int], Tensor]] = {"cls": _cls, "mean": _mean, "gem": _gem}
