"""The moving average of the weights that learn, which draws better than the last of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn


@dataclass(slots=True)
class WeightAverage:
    """Follows parameters, and takes their place for a while.

    Attributes:
        decay: share of the average that each step leaves; 0 for no average at all.
        parameters: by name.
    """

    decay: float
    parameters: Mapping[str, nn.Parameter]
    _average: dict[str, Tensor] = field(default_factory=dict)
    _aside: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.decay:
            self._average = {name: one.detach().clone() for name, one in self.parameters.items()}

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Take a step's weights in; young averages forget faster.

        Args:
            step: from 0.
        """
        if self._average:
            share = 1 - min(self.decay, (1 + step) / (10 + step))
            current = [self.parameters[name].detach() for name in self._average]
            torch._foreach_lerp_([*self._average.values()], current, share)

    def show(self) -> None:
        """Put the average in the parameters' place; harmless where it is or there is none."""
        if self._average and not self._aside:
            self._aside = {name: one.detach().clone() for name, one in self.parameters.items()}
            self._write(self._average)

    def hide(self) -> None:
        """Put the parameters back, as they were to the bit; harmless where they are."""
        if self._aside:
            self._write(self._aside)
            self._aside = {}

    def settle(self) -> None:
        """Put the average in the parameters' place for good."""
        if self._average:
            self._write(self._average)

    def state(self) -> dict[str, Tensor]:
        """The average by name; empty where there is none."""
        return self._average

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take up what ``state`` gave.

        Raises:
            LookupError: it is of other parameters.
        """
        for name, average in self._average.items():
            average.copy_(state[name])

    @torch.no_grad()
    def _write(self, weights: Mapping[str, Tensor]) -> None:
        for name, one in weights.items():
            self.parameters[name].copy_(one)
