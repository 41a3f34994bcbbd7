"""How a Stable Diffusion is fine-tuned: plain values, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, get_args

from vitrail.indexer.encoders.settings import check_placement
from vitrail.indexer.errors import InputError
from vitrail.indexer.training.learning_options import (
    RunOptions,
    check_counts,
    check_numbers,
    check_word,
)

Method = Literal["lora", "full", "inversion"]
Targets = Literal["attention", "all"]
RATES: dict[Method, float] = {"lora": 1e-4, "full": 1e-5, "inversion": 2e-3}
KEEPS: dict[Method, bool] = {"lora": True, "full": False, "inversion": True}
AVERAGES: dict[Method, float] = {"lora": 0.0, "full": 0.999, "inversion": 0.0}
_TOKEN = re.compile(r"<[a-z0-9]+(?:[-_][a-z0-9]+)*>")  # tokenizers see small letters alone


@dataclass(frozen=True, slots=True)
class GeneratorOptions(RunOptions):
    """How a Stable Diffusion is fine-tuned.

    Attributes:
        method: ``lora`` learns low-rank weights beside those of the U-Net, which are merged into
            them in the end and written apart, too; ``full`` lets all of the U-Net learn;
            ``inversion`` learns what tokens of one's own mean to the text encoders, and no more.
        tokens: that ``inversion`` learns, such as ``<zeb>``; captions have to name them.
        initial: words whose vectors each of them begins with; ``None`` draws some like the text
            encoders' own.
        vectors: of each token; ``None`` is as many as ``initial`` has, or one.
        rank: of the low-rank weights; the larger, the more they can learn by heart.
        targets: what low-rank weights lie beside: the ``attention``, or ``all`` linear layers and
            convolutions of the U-Net's blocks.
        text: whether the text encoders learn, too; their states cannot be kept then.
        steps: how many.
        batch: images a step; as many again of the prior, where there is one.
        accumulate: in how many parts a step's images go through the model, to save memory; the
            gradient is that of the whole.
        learning_rate: highest; ``None`` is 1e-4 of ``lora``, 1e-5 of ``full`` and 2e-3 of
            ``inversion``.
        weight_decay: of AdamW; biases, norms and other vectors have none.
        warmup: share of the steps in which the rate rises; it falls by a cosine afterwards.
        snr: limit of the signal-to-noise ratio by which steps of little noise weigh ("Efficient
            Diffusion Training via Min-SNR Weighting Strategy", 2023); 0 weighs all alike.
        offset_noise: how much noise a whole channel has in common, so that images may be darker or
            brighter as a whole.
        empty: share of the captions that are left out, for guidance; none by ``inversion``, which
            would learn nothing of these.
        average: share that each step leaves of the weights' moving average, which is what is kept;
            0 for none, ``None`` is 0.999 of ``full`` and none of the others.
        side: width and height in pixels that images are cut to; ``None`` is the checkpoint's own.
        mirror: whether half of the images are seen mirrored.
        prior_weight: of the prior's images beside the others.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        recompute: forget activations and work them out again on the way back, to save memory.
        clip: norm that gradients are cut to.
        keep: whether the weights of each sheet are kept, so that they can be compared afterwards;
            ``None`` does it of all but ``full``, whose weights are large.
        sheet_every: steps between two sheets of samples; the last step is followed by one too.
        save_every: steps between two checkpoints, beside those after each sheet.
        log_every: steps between two lines of metrics.
        seed: of the draws and of the low-rank weights.

    Raises:
        InputError: a value that cannot be used, or values that do not go together.
    """

    method: Method = "lora"
    tokens: tuple[str, ...] = ()
    initial: str | None = None
    vectors: int | None = None
    rank: int = 16
    targets: Targets = "attention"
    text: bool = False
    steps: int = 1000
    batch: int = 4
    accumulate: int = 1
    learning_rate: float | None = None
    weight_decay: float = 0.01
    warmup: float = 0.05
    snr: float = 5.0
    offset_noise: float = 0.0
    empty: float = 0.1
    average: float | None = None
    side: int | None = None
    mirror: bool = False
    prior_weight: float = 1.0
    precision: str = "auto"
    device: str = "auto"
    recompute: bool = False
    clip: float = 1.0
    keep: bool | None = None
    sheet_every: int = 250
    save_every: int = 100
    log_every: int = 10
    seed: int = 0

    FREE: ClassVar[frozenset[str]] = RunOptions.FREE | {"accumulate", "keep"}
    SMALLER: ClassVar[str] = "a smaller --side or --batch"

    def __post_init__(self) -> None:
        check_placement(self.device, self.precision)
        check_word("method", self.method, get_args(Method))
        check_word("targets", self.targets, get_args(Targets))
        self._check_tokens()
        self._check_counts()
        self._check_numbers()
        if self.accumulate > self.batch:
            raise InputError(
                f"a batch of {self.batch} cannot go in {self.accumulate} parts; accumulate at most "
                f"{self.batch}"
            )

    def _check_tokens(self) -> None:
        if self.method != "inversion":
            if self.tokens or self.initial is not None or self.vectors is not None:
                raise InputError(
                    "tokens of your own, and what they begin as, are learned by the method "
                    f"inversion, not {self.method}: name the one, or leave out the other"
                )
            return
        if not self.tokens:
            raise InputError("the method inversion learns tokens: name one, such as '<zeb>'")
        for token in self.tokens:
            if _TOKEN.fullmatch(token) is None:
                raise InputError(
                    f"the token {token!r} has to be small letters and digits, hyphens between "
                    "them, within angle brackets, such as '<zeb>'"
                )
        if len(set(self.tokens)) < len(self.tokens):
            raise InputError("a token is named twice: name each once")
        if self.text:
            raise InputError(
                "the method inversion leaves the text encoders as they are: leave out text, or "
                "take the method lora or full"
            )

    def _check_counts(self) -> None:
        counts = {
            "rank": self.rank,
            "steps": self.steps,
            "batch": self.batch,
            "accumulate": self.accumulate,
            "sheet_every": self.sheet_every,
            "save_every": self.save_every,
            "log_every": self.log_every,
        }
        check_counts(counts, 1)
        check_counts({"side": 8 if self.side is None else self.side}, 8)
        check_counts({"vectors": 1 if self.vectors is None else self.vectors}, 1)
        check_counts({"seed": self.seed}, 0)

    def _check_numbers(self) -> None:
        numbers = {
            "weight_decay": (self.weight_decay, 10.0),
            "warmup": (self.warmup, 1.0),
            "snr": (self.snr, 1e6),
            "offset_noise": (self.offset_noise, 1.0),
            "empty": (self.empty, 0.9),
            "average": (self.averaged, 0.99999),
        }
        check_numbers(numbers)
        above = {
            "learning_rate": (self.rate, 10.0),
            "prior_weight": (self.prior_weight, 100.0),
            "clip": (self.clip, 1e6),
        }
        check_numbers(above, above=True)

    @property
    def rate(self) -> float:
        """The highest learning rate."""
        return RATES[self.method] if self.learning_rate is None else self.learning_rate

    @property
    def averaged(self) -> float:
        """Share that each step leaves of the moving average; 0 for none."""
        return AVERAGES[self.method] if self.average is None else self.average

    @property
    def keeps(self) -> bool:
        """Whether the weights of each sheet are kept."""
        return KEEPS[self.method] if self.keep is None else self.keep

    @property
    def left_out(self) -> float:
        """Share of the captions that are left out."""
        return 0.0 if self.method == "inversion" else self.empty

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> GeneratorOptions:
        """What ``to_dict`` gave, of an earlier version too, which lacked some.

        Raises:
            InputError: a value that cannot be used.
        """
        given = {one.name: raw[one.name] for one in fields(cls) if one.name in raw}
        return cls(**given | {"tokens": tuple(given.get("tokens", ()))})
