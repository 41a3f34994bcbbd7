"""The look of one image in the self-attention of another: keys and values lent by the style."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_SHARE = 2 / 3  # of the decoder's self-attentions, the finest: the last six of SD 1's nine
_TEMPERATURE = 1.5  # on attention to another image's keys, which is flatter than to one's own
_LEAST = 1e-4  # weight of a key that is left out, whose logarithm is finite


@dataclass(frozen=True)
class Trace:
    """An image's way back to its noise.

    Attributes:
        latents: timestep -> (1, c, h, w).
        arguments: by name, with which the U-Net was asked at each of them.
        weights: (h, w), 0 to 1, how much each of the latents belongs to the image and not to its
            ground.
    """

    latents: dict[int, Tensor]
    arguments: dict[str, Any]
    weights: Tensor


class StyleInjection:
    """Lends the style's keys and values to the content, for the length of a run.

    "Style Injection in Diffusion", Chung et al. 2024: the query keeps a share of the content's own,
    and asks the style. What the style answers is blended with what the content's own attention
    does. The latents of both are kept for each step, and their keys, values and queries worked out
    anew at each, so that those of one step alone are in memory, however many steps there are.
    """

    def __init__(self, content: Trace, style: Trace, blend: float, query_kept: float) -> None:
        """Lend what the style has.

        Args:
            content: whose latents, or like ones, are denoised.
            style: whose look they get.
            blend: 0 leaves the content's own attention, 1 has the style's alone.
            query_kept: share of the content's own query in what the style is asked.
        """
        self.traces = {"content": content, "style": style}
        self.blend = blend
        self.query_kept = query_kept
        self.role: str | None = None
        self.seen: dict[tuple[str, str], tuple[Tensor, ...]] = {}

    @contextmanager
    def joined(self, unet: Any) -> Iterator[None]:
        """Join a U-Net; afterwards it is as it was, to the object."""
        before = unet.attn_processors
        ours = {name: _Injected(self, name) for name in finest_self_attentions(before)}
        unet.set_attn_processor(before | ours)
        hook = unet.register_forward_pre_hook(self._look_first, with_kwargs=True)
        try:
            yield
        finally:
            hook.remove()
            unet.set_attn_processor(before)
            self.seen.clear()

    def _look_first(self, unet: Any, given: tuple[Any, ...], _: dict[str, Any]) -> None:
        """Before a step of ours, show the U-Net what content and style are at it."""
        if self.role is not None:
            return
        try:
            for role, trace in self.traces.items():
                self.role = role
                unet(trace.latents[int(given[1])], given[1], **trace.arguments)
        finally:
            self.role = None


class _Injected:
    """A self-attention that takes note of what it is shown, and lends it afterwards."""

    def __init__(self, injection: StyleInjection, name: str) -> None:
        self.injection = injection
        self.name = name

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,  # noqa: ARG002 - the interface's
        attention_mask: Tensor | None = None,  # noqa: ARG002
        temb: Tensor | None = None,  # noqa: ARG002
    ) -> Tensor:
        """Attention of (n, tokens, width) hidden states, as many of that width."""
        from torch.nn.functional import scaled_dot_product_attention

        made = tuple(
            layer(hidden_states).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for layer in (attn.to_q, attn.to_k, attn.to_v)
        )
        answer = scaled_dot_product_attention(*made)
        if self.injection.role is None:
            answer = self._blended(made[0], answer)
        else:  # of the content the query is asked for, of the style its keys and values
            needed = made[:1] if self.injection.role == "content" else made[1:]
            self.injection.seen[self.injection.role, self.name] = needed
        out: Tensor = attn.to_out[0](answer.transpose(1, 2).flatten(2))
        return out

    def _blended(self, query: Tensor, own: Tensor) -> Tensor:
        """The style's answer where the content is, (n, heads, tokens, width)."""
        from torch.nn.functional import scaled_dot_product_attention

        injection = self.injection
        content, style = injection.traces["content"], injection.traces["style"]
        kept = injection.seen["content", self.name][0].expand_as(query)
        key, value = (
            one.expand(len(query), -1, -1, -1) for one in injection.seen["style", self.name]
        )
        bias = weights_of(style.weights, key.shape[2]).clamp(min=_LEAST).log().to(query)
        asked = query.lerp(kept, injection.query_kept) * _TEMPERATURE
        lent = scaled_dot_product_attention(asked, key, value, attn_mask=bias.expand(1, 1, 1, -1))
        where = injection.blend * weights_of(content.weights, query.shape[2]).to(query)
        return own.lerp(lent, where[:, None])


def finest_self_attentions(names: Iterable[str]) -> list[str]:
    """Of the names of attention processors, those that the style is lent to, coarse to fine."""
    decoder = [
        name for name in names if name.startswith("up_blocks.") and name.endswith("attn1.processor")
    ]
    return decoder[len(decoder) - math.ceil(_SHARE * len(decoder)) :]


def weights_of(weights: Tensor, tokens: int) -> Tensor:
    """Weights (h, w) of latents as those of so many tokens, (tokens,), which a U-Net halves to.

    Raises:
        ValueError: no halving of the latents comes to that many.
    """
    from torch.nn.functional import adaptive_avg_pool2d

    height, width = weights.shape
    while height * width > tokens:
        height, width = -(-height // 2), -(-width // 2)
    if height * width != tokens:
        raise ValueError(f"{tokens} tokens for latents of {tuple(weights.shape)}")
    # On the CPU, since MPS pools no sizes that do not divide one another.
    return adaptive_avg_pool2d(weights[None, None].cpu(), (height, width)).flatten()
