"""IP-Adapters on disk: weights that let an image condition the denoising, safetensors only."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import check_strength
from vitrail.indexer.encoders.weights import (
    PICKLES,
    SUFFIX,
    check_plain,
    tensor_shapes,
    weight_files,
)
from vitrail.indexer.errors import CheckpointError, InputError
from vitrail.indexer.files.cache import file_sha256, remembered_paths
from vitrail.indexer.paths import at_home
from vitrail.indexer.recipes.recipe import IPAdapter

FOLDER = "ip_adapter"
"""Where in its directory a checkpoint has its own."""
DEFAULT_SCALE = 0.6
_ENCODER = "image_encoder"
_USUAL = f"ip-adapter_sd15{SUFFIX}"  # the plain one of the folder they are published in
_PROJECTIONS = {  # first weight of the image projection -> the encoder's width that it takes
    "image_proj.proj.weight": "projection_dim",
    "image_proj.proj.0.weight": "hidden_size",
    "image_proj.proj_in.weight": "hidden_size",
}


@dataclass(frozen=True, slots=True)
class IPAdapterFile:
    """An IP-Adapter on disk.

    Attributes:
        path: the safetensors file.
        content_hash: sha256 (hex) of it.
        encoder: folder of the image encoder, a ``CLIPVisionModelWithProjection``.
        encoder_hash: sha256 (hex) over the encoder's configuration and weights.
        scale: factor on its effect.
    """

    path: str
    content_hash: str
    encoder: str
    encoder_hash: str
    scale: float = DEFAULT_SCALE

    @property
    def record(self) -> IPAdapter:
        """What a recipe keeps of it."""
        return IPAdapter(Path(self.path).stem, self.content_hash, self.encoder_hash, self.scale)


def choose_ip_adapter(
    info: CheckpointInfo, given: str | None = None, scale: float | None = None
) -> IPAdapterFile | None:
    """The one that is given, or else the checkpoint's own; ``None`` without either.

    Args:
        info: which checkpoint; its own lies in the folder ``ip_adapter`` of its directory.
        given: file or directory.
        scale: factor on its effect, 0 to 1; ``None`` for the default.

    Raises:
        CheckpointError: there is none, it is a pickle, or it has no image encoder.
        InputError: a scale outside 0 to 1, or one for nothing.
    """
    factor = check_strength("IP-Adapter scale", DEFAULT_SCALE if scale is None else scale)
    if given is not None:
        return open_ip_adapter(given, factor)
    own = info.path / FOLDER
    if any(own.glob(f"*{SUFFIX}")):
        return open_ip_adapter(str(own), factor)
    if scale is not None:
        raise InputError(
            f"an IP-Adapter scale is given, and checkpoint {info.name!r} has no IP-Adapter of its "
            f"own: give one by --ip-adapter FILE"
        )
    return None


def open_ip_adapter(text: str, scale: float = DEFAULT_SCALE) -> IPAdapterFile:
    """Read a file or directory laid out as they are published, with ``image_encoder`` beside.

    Raises:
        CheckpointError: it is missing, a pickle, no IP-Adapter, or has no image encoder.
    """
    path = at_home(text)
    # not the file that a link leads to: in the Hub's cache its name and its folder tell nothing
    file = Path(os.path.abspath(_weights_in(path) if path.is_dir() else path))
    if not file.is_file():
        raise CheckpointError(
            f"IP-Adapter {text!r} is no file or directory here: give its safetensors"
        )
    if file.suffix != SUFFIX:
        _refuse_pickle(f"IP-Adapter {text!r}")
    encoder = _encoder_of(file, tensor_shapes(file, f"IP-Adapter {text!r}"), text)
    check_encoder(encoder)
    return IPAdapterFile(str(file), file_sha256(file), str(encoder), encoder_sha256(encoder), scale)


def find_ip_adapter(record: IPAdapter, info: CheckpointInfo) -> IPAdapterFile:
    """The files of a recipe's IP-Adapter: the checkpoint's own, or used before on this machine.

    A recipe knows them by their hashes only, as it does LoRAs.

    Raises:
        CheckpointError: they are nowhere to be found, or altered.
    """
    known = [path for path in remembered_paths(record.content_hash) if path.suffix == SUFFIX]
    own = sorted((info.path / FOLDER).glob(f"*{SUFFIX}"))
    for path in (*own, *known):
        if not path.is_file() or file_sha256(path) != record.content_hash:
            continue
        for folder in _encoders_near(path):
            if encoder_sha256(folder) == record.encoder_hash:
                encoder = str(folder)
                return IPAdapterFile(
                    str(path), record.content_hash, encoder, record.encoder_hash, record.scale
                )
    places = ", ".join(map(str, known))
    raise CheckpointError(
        f"the recipe names IP-Adapter {record.name}{SUFFIX} (sha256 {record.content_hash[:12]}) "
        f"with image encoder {record.encoder_hash[:12]}, which is "
        + (f"no more, or changed, at {places}" if known else "not known here")
        + f": put both files back or into the folder {FOLDER} of the checkpoint, or name them by "
        "--ip-adapter FILE"
    )


def check_encoder(folder: Path) -> None:
    """Refuse an image encoder whose weights are not safetensors, whole, or all its own.

    Raises:
        CheckpointError: naming the folder or the file.
    """
    check_plain(folder, str(folder))
    if not weight_files(folder, str(folder)):
        raise CheckpointError(
            f"the image encoder in {folder} has no model{SUFFIX}: put the one there that the "
            f"IP-Adapter was trained with"
        )


def encoder_sha256(folder: Path) -> str:
    """Sha256 (hex) over an image encoder's configuration and safetensors."""
    digest = hashlib.sha256()
    for file in (folder / "config.json", *sorted(folder.glob(f"*{SUFFIX}"))):
        digest.update(f"{file.name}\0{file_sha256(file)}\n".encode())
    return digest.hexdigest()


def _weights_in(folder: Path) -> Path:
    """The one file of a directory, or of the folder ``models`` in it."""
    for place in (folder, folder / "models"):
        found = sorted(place.glob(f"*{SUFFIX}"))
        if len(found) == 1 or place / _USUAL in found:
            return place / _USUAL if place / _USUAL in found else found[0]
        if found:
            names = ", ".join(file.name for file in found)
            raise CheckpointError(
                f"IP-Adapter {str(folder)!r} holds several, {names}: give the path of one of them"
            )
        if any(file.suffix in PICKLES for file in place.glob("*")):
            _refuse_pickle(f"IP-Adapter {str(folder)!r}")
    raise CheckpointError(
        f"IP-Adapter {str(folder)!r} holds no {SUFFIX} file: give the directory of one"
    )


def _refuse_pickle(what: str) -> NoReturn:
    raise CheckpointError(
        f"{what} is not a {SUFFIX} file, and other formats can run code: get its safetensors, or "
        f"convert it"
    )


def _encoder_of(file: Path, shapes: dict[str, list[int]], text: str) -> Path:
    """The image encoder near the weights that has the width they take."""
    first = _projection(shapes, text)
    width, wanted = _PROJECTIONS[first], shapes[first][-1]
    there = list(_encoders_near(file))
    for folder in there:
        if _read_config(folder).get(width) == wanted:
            return folder
    if there:
        raise CheckpointError(
            f"IP-Adapter {text!r} takes an image encoder whose {width} is {wanted}, and that in "
            f"{there[0]} has {_read_config(there[0]).get(width)}: put there the one it was trained "
            f"with"
        )
    folder = file.parent / _ENCODER
    if any(one.suffix in PICKLES for one in folder.glob("*")):
        _refuse_pickle(f"the image encoder of IP-Adapter {text!r}")
    raise CheckpointError(
        f"IP-Adapter {text!r} has no image encoder: put its config.json and model{SUFFIX} into "
        f"{folder}"
    )


def _projection(shapes: dict[str, list[int]], text: str) -> str:
    """The first weight of the image projection, which tells its kind."""
    if not any(key.startswith("ip_adapter.") and ".to_k_ip." in key for key in shapes):
        raise CheckpointError(
            f"{text!r} is no IP-Adapter, since it has no ip_adapter.N.to_k_ip.weight: give the "
            f"safetensors of one"
        )
    plain = "image_proj.proj.weight"
    resampled = any(key.startswith("image_proj.perceiver_resampler.") for key in shapes)
    if resampled or ("image_proj.norm.weight" in shapes and plain not in shapes):
        raise CheckpointError(
            f"{text!r} is an IP-Adapter for face identities, which come from another network: give "
            f"one for whole images, such as ip-adapter_sd15 or ip-adapter-plus_sd15"
        )
    first = next((key for key in _PROJECTIONS if key in shapes), None)
    if first is None:
        raise CheckpointError(
            f"IP-Adapter {text!r} has no image projection that is known: give one that holds "
            f"{plain}"
        )
    return first


def _encoders_near(file: Path) -> Iterator[Path]:
    """In the file's folder, or in ``models`` beside it, which those for XL may share."""
    for folder in (file.parent / _ENCODER, file.parent.parent / "models" / _ENCODER):
        if (folder / "config.json").is_file() and any(folder.glob(f"*{SUFFIX}")):
            yield folder


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "config.json").read_bytes())
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{folder / 'config.json'} is not JSON ({error}): download it again"
        ) from None
    return found if isinstance(found, dict) else {}
