"""Tiny random Stable Diffusion checkpoints, written to a folder in diffusers' layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from vitrail.generator.models.libraries import quiet
from vitrail.generator.training import tokenizer as vocabulary

WIDTH = 16
WINDOW = 20


def build_sd(
    folder: Path,
    *,
    safety: bool = False,
    latent_channels: int = 4,
    inpainting: bool = False,
    sample_size: int = 16,
    scheduler: str = "PNDMScheduler",
    steps: int | None = None,
) -> Path:
    """A checkpoint of Stable Diffusion 1.x, factor 2, native ``2 * sample_size`` pixels.

    With ``steps`` it says itself how many it is drawn in, where a test cannot.
    """
    import diffusers

    torch.manual_seed(0)
    unet = _unet(
        in_channels=2 * latent_channels + 1 if inpainting else latent_channels,
        out_channels=latent_channels,
        sample_size=sample_size,
    )
    kind = "StableDiffusionInpaintPipeline" if inpainting else "StableDiffusionPipeline"
    checker, extractor = _safety() if safety else (None, None)
    with quiet():
        pipeline = getattr(diffusers, kind)(
            vae=_vae(latent_channels),
            text_encoder=_text_encoder(),
            tokenizer=_tokenizer(),
            unet=unet,
            scheduler=_scheduler(scheduler),
            safety_checker=checker,
            feature_extractor=extractor,
            requires_safety_checker=safety,
        )
        pipeline.save_pretrained(folder, safe_serialization=True)
    if steps is not None:
        (folder / "defaults.json").write_text(json.dumps({"steps": steps}))
    return folder


def build_xl(folder: Path) -> Path:
    """A checkpoint of Stable Diffusion XL."""
    import diffusers
    from transformers import CLIPTextModelWithProjection

    torch.manual_seed(0)
    unet = _unet(
        in_channels=4,
        out_channels=4,
        sample_size=16,
        cross_attention_dim=2 * WIDTH,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + WIDTH,
    )
    with quiet():
        pipeline = diffusers.StableDiffusionXLPipeline(
            vae=_vae(4),
            text_encoder=_text_encoder(),
            text_encoder_2=CLIPTextModelWithProjection(_text_config()).eval(),
            tokenizer=_tokenizer(),
            tokenizer_2=_tokenizer(),
            unet=unet,
            scheduler=_scheduler("EulerDiscreteScheduler"),
        )
        pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def build_lcm(folder: Path) -> Path:
    """A latent consistency model, whose U-Net takes the guidance as an input."""
    import diffusers

    torch.manual_seed(0)
    unet = _unet(in_channels=4, out_channels=4, sample_size=16, time_cond_proj_dim=8)
    with quiet():
        pipeline = diffusers.LatentConsistencyModelPipeline(
            vae=_vae(4),
            text_encoder=_text_encoder(),
            tokenizer=_tokenizer(),
            unet=unet,
            scheduler=_scheduler("LCMScheduler"),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def build_lora(file: Path, checkpoint: Path) -> Path:
    """A random LoRA on the U-Net's attention of ``checkpoint``, in diffusers' own format."""
    import diffusers
    from peft import LoraConfig, get_peft_model_state_dict

    torch.manual_seed(1)
    with quiet():
        unet = diffusers.UNet2DConditionModel.from_pretrained(checkpoint / "unet")
        unet.add_adapter(
            LoraConfig(r=2, lora_alpha=2, target_modules=["to_q", "to_v"], init_lora_weights=False)
        )
        diffusers.StableDiffusionPipeline.save_lora_weights(
            file.parent,
            unet_lora_layers=get_peft_model_state_dict(unet),
            weight_name=file.name,
            safe_serialization=True,
        )
    return file


def build_ip_adapter(
    folder: Path, checkpoint: Path, *, kind: str = "plain", name: str = "tiny.safetensors"
) -> Path:
    """A random IP-Adapter for ``checkpoint`` in the published layout, its encoder beside it.

    Its kind is ``plain``, ``plus`` or ``full``.
    """
    import diffusers
    from safetensors.torch import save_file
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(2)
    with quiet():
        unet = diffusers.UNet2DConditionModel.from_pretrained(checkpoint / "unet")
        config = CLIPVisionConfig(
            hidden_size=8,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=32,
            patch_size=16,
            projection_dim=12,
        )
        CLIPVisionModelWithProjection(config).save_pretrained(folder / "image_encoder")
    width = unet.config.cross_attention_dim
    weights = {f"image_proj.{key}": value for key, value in _PROJECTIONS[kind](width).items()}
    names = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    for index, attention in enumerate(names):
        inner = unet.get_submodule(attention.removesuffix(".processor")).inner_dim
        for part in ("k", "v"):
            key = f"ip_adapter.{2 * index + 1}.to_{part}_ip.weight"
            weights[key] = torch.randn(inner, width)
    save_file(weights, folder / name)
    return folder / name


def _plain(width: int) -> dict[str, torch.Tensor]:
    return {
        "proj.weight": torch.randn(4 * width, 12),
        "proj.bias": torch.randn(4 * width),
        "norm.weight": torch.ones(width),
        "norm.bias": torch.zeros(width),
    }


def _full(width: int) -> dict[str, torch.Tensor]:
    return {
        "proj.0.weight": torch.randn(8, 8),
        "proj.0.bias": torch.randn(8),
        "proj.2.weight": torch.randn(width, 8),
        "proj.2.bias": torch.randn(width),
        "proj.3.weight": torch.ones(width),
        "proj.3.bias": torch.zeros(width),
    }


def _plus(width: int) -> dict[str, torch.Tensor]:
    inner = 16
    made = {
        "latents": torch.randn(1, 4, inner),
        "proj_in.weight": torch.randn(inner, 8),
        "proj_in.bias": torch.randn(inner),
        "proj_out.weight": torch.randn(width, inner),
        "proj_out.bias": torch.randn(width),
        "norm_out.weight": torch.ones(width),
        "norm_out.bias": torch.zeros(width),
    }
    for layer in (f"layers.{index}." for index in range(4)):
        for norm in ("0.norm1", "0.norm2", "1.0"):
            made[f"{layer}{norm}.weight"] = torch.ones(inner)
            made[f"{layer}{norm}.bias"] = torch.zeros(inner)
        for key, rows, columns in (
            ("0.to_q", 64, inner),
            ("0.to_kv", 128, inner),
            ("0.to_out", inner, 64),
            ("1.1", 4 * inner, inner),
            ("1.3", inner, 4 * inner),
        ):
            made[f"{layer}{key}.weight"] = torch.randn(rows, columns) / columns**0.5
    return made


_PROJECTIONS = {"plain": _plain, "plus": _plus, "full": _full}


def _unet(**changes: Any) -> Any:
    from diffusers import UNet2DConditionModel

    settings: dict[str, Any] = {
        "block_out_channels": (8, 16),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "layers_per_block": 1,
        "cross_attention_dim": WIDTH,
        "attention_head_dim": 2,
        "norm_num_groups": 4,
    }
    return UNet2DConditionModel(**settings | changes).eval()


def _vae(latent_channels: int) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=latent_channels,
        norm_num_groups=4,
        sample_size=32,
    ).eval()


def _text_config() -> Any:
    from transformers import CLIPTextConfig

    tokenizer = _tokenizer()
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=32,
        projection_dim=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=WINDOW,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _text_encoder() -> Any:
    from transformers import CLIPTextModel

    return CLIPTextModel(_text_config()).eval()


def _tokenizer() -> Any:
    return vocabulary.build(["a red apple", "a blue cat"], vocabulary=520, length=WINDOW)


def _scheduler(kind: str) -> Any:
    import diffusers

    return getattr(diffusers, kind)(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1
    )


def _safety() -> tuple[Any, Any]:
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    config = CLIPConfig(
        vision_config={
            "hidden_size": 8,
            "intermediate_size": 8,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 16,
        },
        projection_dim=8,
    )
    side = {"height": 32, "width": 32}
    extractor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=side)
    return StableDiffusionSafetyChecker(config).eval(), extractor
