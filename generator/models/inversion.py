"""An image's latents taken back to the noise that DDIM draws them from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.generator.models.style_injection import Trace

if TYPE_CHECKING:
    from torch import Tensor

REPEATS = 2  # of each step back; the second undoes most of what the first is off by


class Inversion:
    """Stands in for a pipeline's scheduler, and goes from an image to its noise.

    A step back needs what the U-Net says of the latents that it is to find. It begins with those
    before, and is repeated with what it found: fixed-point iteration, as in Pan
    et al. 2023.

    Attributes:
        config: of the scheduler whose steps it takes back.
        order: of diffusers' interface: a timestep is one step.
        init_noise_sigma: of that interface: latents are taken as they are.
        timesteps: (n,) int64, ascending, each as often as it is repeated.
        found: timestep -> latents (1, c, h, w) from which DDIM's step at it leads to the image.
    """

    order = 1
    init_noise_sigma = 1.0
    timesteps: Tensor

    def __init__(self, ddim: Any, steps: int) -> None:
        """Take back the last ``steps`` of the schedule of ``ddim``."""
        self.config = ddim.config
        self.found: dict[int, Tensor] = {}
        self._ddim = ddim
        self._steps = steps
        self._before: Tensor | None = None

    def set_timesteps(self, num_inference_steps: int, device: Any = None) -> None:
        """Those of the last steps of so many, from the image on."""
        self._ddim.set_timesteps(num_inference_steps, device=device)
        self.timesteps = self._ddim.timesteps[-self._steps :].flip(0).repeat_interleave(REPEATS)

    def scale_model_input(self, sample: Tensor, timestep: Any = None) -> Tensor:  # noqa: ARG002
        """The latents, (1, c, h, w), as they are."""
        return sample

    def step(
        self,
        model_output: Tensor,
        timestep: Any,
        sample: Tensor,
        return_dict: bool = False,  # noqa: ARG002 - the interface's
    ) -> tuple[Tensor]:
        """The latents at a timestep, (1, c, h, w), by what the U-Net says of ``sample`` there.

        Raises:
            ValueError: the U-Net predicts what no step can be taken back by.
        """
        t = int(timestep)
        if t not in self.found or self._before is None:
            self._before = sample
        of_sample, of_output = self._factors(t)
        latents = (self._before.float() - of_output * model_output.float()) / of_sample
        self.found[t] = latents.to(sample)
        return (self.found[t],)

    def _factors(self, t: int) -> tuple[float, float]:
        """What DDIM's step multiplies latents and the U-Net's output by: it is linear in both."""
        ddim = self._ddim
        earlier = t - ddim.config.num_train_timesteps // ddim.num_inference_steps
        share = ddim.alphas_cumprod[earlier] if earlier >= 0 else ddim.final_alpha_cumprod
        signal, noise = _roots(float(ddim.alphas_cumprod[t]))
        less_signal, less_noise = _roots(float(share))
        if ddim.config.prediction_type == "epsilon":
            return less_signal / signal, less_noise - less_signal * noise / signal
        if ddim.config.prediction_type == "v_prediction":
            return (
                less_signal * signal + less_noise * noise,
                less_noise * signal - less_signal * noise,
            )
        raise ValueError(
            f"a U-Net that predicts {ddim.config.prediction_type!r} cannot be inverted"
        )


def invert(
    model: DiffusionModel,
    latents: Tensor,
    steps: int,
    of: int,
    weights: Tensor,
    after_step: Callable[[], None],
) -> Trace:
    """Take latents back along the last ``steps`` of a schedule of ``of``, without a prompt.

    Args:
        model: whose U-Net says the way; within its ``drawing``.
        latents: (1, c, h, w), as ``encode`` gives them.
        steps: 1 to ``of``.
        of: steps of the whole schedule.
        weights: (h, w), how much each of the latents belongs to the image.
        after_step: called ``REPEATS * steps`` times.

    Raises:
        ValueError: the U-Net predicts what no step can be taken back by.
    """
    pipeline = model.pipeline("text", "ddim")
    inversion = pipeline.scheduler = Inversion(pipeline.scheduler, steps)
    asked: dict[str, Any] = {}

    def remember(_unet: Any, _given: Any, arguments: dict[str, Any]) -> None:
        asked.update(arguments)

    def report(_pipeline: Any, _index: int, _t: Any, _tensors: dict[str, Any]) -> dict[str, Any]:
        after_step()
        return {}

    hook = pipeline.unet.register_forward_pre_hook(remember, with_kwargs=True)
    factor = pipeline.vae_scale_factor
    try:
        pipeline(
            prompt="",
            guidance_scale=1.0,
            num_inference_steps=of,
            latents=latents,
            width=latents.shape[-1] * factor,
            height=latents.shape[-2] * factor,
            output_type="latent",
            callback_on_step_end=report,
        )
    finally:
        hook.remove()
    return Trace(inversion.found, asked, weights)


def _roots(share: float) -> tuple[float, float]:
    """How much of the signal and of the noise latents hold, by the share of the former's power."""
    return share**0.5, (1 - share) ** 0.5
