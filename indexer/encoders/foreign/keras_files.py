"""Keras' HDF5 weight files, as transformers' TensorFlow classes wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrail.indexer.encoders.foreign.arrays import Array, as_float32
from vitrail.indexer.encoders.foreign.packages import check_packages
from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.wording import in_one_line

if TYPE_CHECKING:
    import h5py

_AGAIN = "download it again, or give another checkpoint"


def read_keras(files: Sequence[Path]) -> dict[str, Array]:
    """The arrays of Keras files, under their paths joined by dots, without the model's own name.

    Args:
        files: a file, or its shards.

    Raises:
        CheckpointError: one is broken off or no such file, or a package is missing.
    """
    found: dict[str, Array] = {}
    for path in files:
        check_packages(str(path), "h5py")
        try:
            found.update(_read(path))
        except CheckpointError:
            raise
        except (OSError, ValueError, TypeError, LookupError, RuntimeError) as error:
            raise CheckpointError(
                f"{path} is broken off or no Keras weight file ({in_one_line(error, 80)}): {_AGAIN}"
            ) from None
    return found


def _read(path: Path) -> dict[str, Array]:
    import h5py

    with h5py.File(path, "r") as file:
        if "layer_names" not in file.attrs and "layer_names0" not in file.attrs:
            raise CheckpointError(
                f"{path} has no layer_names, so it holds something else than a model's weights "
                f"(a whole Keras model, perhaps): save it with save_pretrained, or give another"
            )
        named = [
            (weight, _dataset(file[layer], weight, path))
            for layer in _names(file, "layer_names")
            for weight in _names(file[layer], "weight_names")
        ]
        return {_dotted(name): as_float32(name, data[()], str(path)) for name, data in named}


def _names(group: Any, attribute: str) -> Iterator[str]:
    """Names kept as an attribute; Keras parts long lists, since HDF5 bounds an attribute."""
    parts = [attribute] if attribute in group.attrs else _parts(group, attribute)
    for part in parts:
        for name in group.attrs[part]:
            yield name.decode("utf-8") if isinstance(name, bytes) else str(name)


def _parts(group: Any, attribute: str) -> list[str]:
    count = 0
    while f"{attribute}{count}" in group.attrs:
        count += 1
    return [f"{attribute}{number}" for number in range(count)]


def _dataset(group: Any, name: str, path: Path) -> h5py.Dataset:
    """A dataset that lies in the file itself: HDF5 may also point to other files."""
    import h5py

    link = group.get(name, getlink=True)
    if link is None:
        raise CheckpointError(f"{path} lacks {name}, which it names: {_AGAIN}")
    data = group[name] if isinstance(link, h5py.HardLink) else None
    if not isinstance(data, h5py.Dataset) or data.is_virtual or data.external:
        raise CheckpointError(
            f"{path} keeps {name} in another file, which is not followed: {_AGAIN}"
        )
    return data


def _dotted(name: str) -> str:
    """``tf_vi_t_model/vit/encoder/layer_._0/.../kernel:0`` as ``vit.encoder.layer.0...kernel``."""
    _, _, inner = name.partition(":")[0].partition("/")
    return inner.replace("_._", ".").replace("/", ".")
