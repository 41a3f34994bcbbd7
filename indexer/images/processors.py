"""A checkpoint's ``preprocessor_config.json`` to the preprocessing it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.images.preprocess import Preprocess

_HALF = (0.5, 0.5, 0.5)
_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_BILINEAR, _BICUBIC = 2, 3


class _Defaults(NamedTuple):
    """What a processor does where its configuration is silent."""

    resample: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    size: Mapping[str, int]
    crop: bool
    square: bool  # what a size given as one number means


_EDGE, _SQUARE = {"shortest_edge": 224}, {"height": 224, "width": 224}
_DEIT_SIZE = {"height": 256, "width": 256}
_PROCESSORS = {
    "ViT": _Defaults(_BILINEAR, _HALF, _HALF, _SQUARE, crop=False, square=True),
    "DeiT": _Defaults(_BICUBIC, _HALF, _HALF, _DEIT_SIZE, crop=True, square=True),
    "Bit": _Defaults(_BICUBIC, _CLIP_MEAN, _CLIP_STD, _EDGE, crop=True, square=False),
    "CLIP": _Defaults(_BICUBIC, _CLIP_MEAN, _CLIP_STD, _EDGE, crop=True, square=False),
    "Siglip": _Defaults(_BICUBIC, _HALF, _HALF, _SQUARE, crop=False, square=False),
    "DINOv3ViT": _Defaults(
        _BILINEAR, _IMAGENET_MEAN, _IMAGENET_STD, _SQUARE, crop=False, square=True
    ),
}
_OF_MODEL = {
    "vit": "ViT",
    "deit": "DeiT",
    "dinov2": "Bit",
    "dinov2_with_registers": "Bit",
    "dinov3_vit": "DINOv3ViT",
    "clip": "CLIP",
    "clip_vision_model": "CLIP",
    "siglip": "Siglip",
    "siglip_vision_model": "Siglip",
}
_ENDINGS = ("Pil", "Fast", "ImageProcessor", "FeatureExtractor")
_SIZE = 224


def from_config(config: Mapping[str, Any], *, model_type: str | None = None) -> Preprocess:
    """Read a processor's configuration, old style (numbers) or new (dictionaries).

    DINOv3's processor exists for torchvision only and resizes floats; ours resizes bytes, which
    differs by at most one grey level.

    Args:
        config: content of ``preprocessor_config.json``, or of ``processor_config.json``.
        model_type: ``model_type`` of the checkpoint's ``config.json``, for configurations that do
            not name their processor.

    Raises:
        CheckpointError: an unknown processor, a setting that is not supported, or pixels that
            would not be square.
    """
    config = config.get("image_processor") or config
    defaults = _defaults(config, model_type)
    _refuse_unsupported(config)
    edge, size = None, None
    if _flag(config, "do_resize", True):
        edge, size = _read_size(_given(config, "size", defaults.size), defaults.square)
    crop = None
    if _flag(config, "do_center_crop", defaults.crop):
        _, crop = _read_size(_given(config, "crop_size", _SIZE), True, "crop_size")
    mean, std = _read_normalisation(config, defaults)
    spec = Preprocess(edge, size, _read_resample(config, defaults), crop, mean, std)
    if spec.image_size <= 0:
        raise CheckpointError(
            f"the checkpoint's preprocessing (size {config.get('size')}, crop_size "
            f"{config.get('crop_size')}) makes no square image, which Vitrail needs; "
            "use a checkpoint with a fixed square input"
        )
    return spec


def _defaults(config: Mapping[str, Any], model_type: str | None) -> _Defaults:
    name = config.get("image_processor_type") or config.get("feature_extractor_type")
    short = str(name) if name else _OF_MODEL.get(model_type or "", f"of model {model_type!r}")
    for ending in _ENDINGS:
        short = short.removesuffix(ending)
    if short not in _PROCESSORS:
        raise CheckpointError(
            f"the image processor {name or short} is not supported; supported are those of "
            f"{', '.join(_PROCESSORS)}"
        )
    return _PROCESSORS[short]


def _refuse_unsupported(config: Mapping[str, Any]) -> None:
    for flag in ("do_pad", "use_square_size", "do_flip_channel_order", "do_reduce_labels"):
        if config.get(flag):
            raise CheckpointError(
                f"the checkpoint's preprocessing sets {flag}, which Vitrail does not do; "
                "use another checkpoint of the family"
            )


def _given(config: Mapping[str, Any], key: str, default: Any) -> Any:
    value = config.get(key)
    return default if value is None else value


def _flag(config: Mapping[str, Any], key: str, default: bool) -> bool:
    return bool(_given(config, key, default))


def _read_size(
    value: Any, square: bool, key: str = "size"
) -> tuple[int | None, tuple[int, int] | None]:
    """(shortest edge, None) or (None, (height, width))."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return (None, (value, value)) if square else (value, None)
    if isinstance(value, list | tuple) and len(value) == 2:
        value = {"height": value[0], "width": value[1]}
    if isinstance(value, Mapping):
        given = {name: int(side) for name, side in value.items() if side}
        if given.keys() == {"height", "width"}:
            return None, (given["height"], given["width"])
        if given.keys() == {"shortest_edge"} and key == "size":
            return given["shortest_edge"], None
    raise CheckpointError(
        f"the checkpoint's preprocessing has {key} {value!r}; supported are a number, "
        "height and width, and shortest_edge"
    )


def _read_resample(config: Mapping[str, Any], defaults: _Defaults) -> int:
    resample = _given(config, "resample", defaults.resample)
    if resample not in range(6):
        raise CheckpointError(
            f"the checkpoint's preprocessing has resample {resample!r}; supported are Pillow's 0..5"
        )
    return int(resample)


def _read_normalisation(
    config: Mapping[str, Any], defaults: _Defaults
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and std to use after a division by 255, whatever the configuration rescales by."""
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    if _flag(config, "do_normalize", True):
        mean = _three(_given(config, "image_mean", defaults.mean), "image_mean")
        std = _three(_given(config, "image_std", defaults.std), "image_std")
    factor = _given(config, "rescale_factor", 1 / 255)
    scale = 255 * float(factor) if _flag(config, "do_rescale", True) else 255.0
    if scale <= 0 or min(std) <= 0:
        raise CheckpointError(
            f"the checkpoint's preprocessing has rescale_factor {factor!r} and image_std {std}; "
            "both must be above 0"
        )
    if abs(scale - 1) > 1e-6:
        mean, std = tuple(m / scale for m in mean), tuple(s / scale for s in std)
    return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])


def _three(value: Any, key: str) -> tuple[float, ...]:
    values = [value] * 3 if isinstance(value, int | float) else value
    if not isinstance(values, list | tuple) or len(values) != 3:
        raise CheckpointError(
            f"the checkpoint's preprocessing has {key} {value!r}; expected three numbers"
        )
    return tuple(float(v) for v in values)
