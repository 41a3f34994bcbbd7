"""An image as a part of the prompt: an IP-Adapter joined to a U-Net for the length of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from PIL import Image

from vitrail.generator.adapters.ip_adapters import IPAdapterFile, check_encoder
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.indexer.encoders.libraries import LOADING
from vitrail.indexer.encoders.weights import tensor_shapes
from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.recipes.recipe import Recipe
from vitrail.indexer.wording import first_line

_ADDED = (None, "text", "text_time")  # other additions take the image's embedding for their own
_loaded: WeakKeyDictionary[DiffusionModel, _Parts] = WeakKeyDictionary()


@dataclass(frozen=True)
class _Parts:
    """What an adapter is made of in memory.

    Attributes:
        key: hashes of the adapter and of its encoder.
        processors: name -> attention processor, of the cross attentions.
        projection: from the encoder's embeddings to tokens.
        encoder: of images.
        extractor: of the pixels that the encoder takes.
    """

    key: tuple[str, str]
    processors: dict[str, Any]
    projection: Any
    encoder: Any
    extractor: Any


class ImageGuide:
    """A ``denoising.Guide`` that shows the U-Net an image through an IP-Adapter."""

    def __init__(self, model: DiffusionModel, file: IPAdapterFile, image: Image.Image) -> None:
        self.model = model
        self.file = file
        self.image = image

    @contextmanager
    def __call__(self, pipeline: Any, recipe: Recipe) -> Iterator[dict[str, Any]]:
        """Join the adapter; afterwards the U-Net is as it was, to the object.

        Raises:
            CheckpointError: the adapter does not fit, or is damaged.
        """
        parts = _parts(self.model, self.file, pipeline)
        with _kept(pipeline):
            _join(pipeline, parts)
            pipeline.set_ip_adapter_scale(self.file.scale)
            embedding = _embed(pipeline, parts, self.image, recipe)
            yield {"ip_adapter_image_embeds": embedding}


def check_joinable(unet: Any, file: IPAdapterFile, info: CheckpointInfo) -> None:
    """Refuse a U-Net that the adapter cannot join, by its configuration and the file's header.

    Raises:
        CheckpointError: it has an input where the adapter's would be, or other attentions.
    """
    taken = [unet.config.encoder_hid_dim_type, unet.config.addition_embed_type]
    if taken[0] is not None or taken[1] not in _ADDED:
        raise CheckpointError(
            f"no IP-Adapter can join checkpoint {info.name!r}, whose U-Net projects its own "
            f"conditioning ({taken[0] or taken[1]}): leave --ip-adapter out, or give a checkpoint "
            f"of Stable Diffusion 1, 2 or XL"
        )
    shapes = tensor_shapes(Path(file.path), f"IP-Adapter {file.path!r}")
    keys = {k: v for k, v in shapes.items() if k.endswith(".to_k_ip.weight")}
    names = _cross_attentions(unet)
    wanted = {f"ip_adapter.{2 * i + 1}.to_k_ip.weight" for i in range(len(names))}
    width = unet.config.cross_attention_dim
    if keys.keys() != wanted or any(shape[-1] != width for shape in keys.values()):
        given = ", ".join(sorted({str(shape[-1]) for shape in keys.values()}))
        raise CheckpointError(
            f"IP-Adapter {file.path!r} does not fit checkpoint {info.name!r}: it has {len(keys)} "
            f"attentions of width {given}, and the U-Net {len(names)} of {width}; give one that "
            f"was trained for it"
        )


def _parts(model: DiffusionModel, file: IPAdapterFile, pipeline: Any) -> _Parts:
    """Loaded once a model; the last one is kept."""
    key = (file.content_hash, file.encoder_hash)
    found = _loaded.get(model)
    if found is None or found.key != key:
        _loaded.pop(model, None)
        check_joinable(pipeline.unet, file, model.info)
        check_encoder(Path(file.encoder))
        try:
            with LOADING:
                found = _loaded[model] = _load(file, pipeline, key)
        except Exception as error:  # damaged weights make the libraries raise many kinds
            text = first_line(error)
            raise CheckpointError(
                f"IP-Adapter {file.path!r} does not fit checkpoint {model.info.name!r}, or is "
                f"damaged ({text}): give one that was trained for it"
            ) from error
    return found


def _load(file: IPAdapterFile, pipeline: Any, key: tuple[str, str]) -> _Parts:
    from diffusers.models.attention_processor import AttnProcessor2_0
    from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

    unet = pipeline.unet
    encoder = CLIPVisionModelWithProjection.from_pretrained(
        file.encoder, dtype=unet.dtype, use_safetensors=True, local_files_only=True
    )
    side = encoder.config.image_size
    path, names = Path(file.path), _cross_attentions(unet)
    with _kept(pipeline):
        # diffusers makes processors anew without arguments, which those that save memory take.
        unet.set_attn_processor(AttnProcessor2_0())
        pipeline.load_ip_adapter(
            str(path.parent),
            subfolder="",
            weight_name=path.name,
            image_encoder_folder=None,
            local_files_only=True,
        )
        made = unet.attn_processors
        return _Parts(
            key=key,
            processors={name: made[name] for name in names},
            projection=unet.encoder_hid_proj,
            encoder=encoder.to(unet.device).eval(),
            extractor=CLIPImageProcessor(size={"shortest_edge": side}, crop_size=side),
        )


@contextmanager
def _kept(pipeline: Any) -> Iterator[None]:
    """Put back what joining changes; diffusers' own unloading would reset other processors too."""
    unet = pipeline.unet
    processors, projection = unet.attn_processors, unet.encoder_hid_proj
    kind = unet.config.encoder_hid_dim_type
    modules = {name: getattr(pipeline, name) for name in ("image_encoder", "feature_extractor")}
    try:
        yield
    finally:
        unet.encoder_hid_proj = projection  # first, since it may have attentions of its own
        unet.set_attn_processor(processors)
        unet.config.encoder_hid_dim_type = kind
        for name, module in modules.items():
            setattr(pipeline, name, module)


def _join(pipeline: Any, parts: _Parts) -> None:
    unet = pipeline.unet
    unet.set_attn_processor(unet.attn_processors | parts.processors)
    unet.encoder_hid_proj = parts.projection
    unet.config.encoder_hid_dim_type = "ip_image_proj"


def _embed(pipeline: Any, parts: _Parts, image: Image.Image, recipe: Recipe) -> list[Any]:
    """Embeddings as the pipeline takes them, the negative ones before them under guidance."""
    import torch

    guided = recipe.guidance > 1 and pipeline.unet.config.time_cond_proj_dim is None
    extractor = pipeline.feature_extractor
    pipeline.image_encoder, pipeline.feature_extractor = parts.encoder, parts.extractor
    try:
        with torch.no_grad():
            found: list[Any] = pipeline.prepare_ip_adapter_image_embeds(
                image, None, pipeline.unet.device, 1, guided
            )
    finally:  # a safety checker has an extractor of its own size
        pipeline.feature_extractor = extractor
    return found


def _cross_attentions(unet: Any) -> list[str]:
    return [name for name in unet.attn_processors if not name.endswith("attn1.processor")]
