"""What is typed for an image or a mask, as what it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitrail.indexer.errors import InputError
from vitrail.service.cli.references import read_input_image, read_mask
from vitrail.service.operations.references import ImageFile
from vitrail.service.operations.tasks import MaskShape


def test_a_mask_is_a_shape_or_a_file(tmp_path: Path) -> None:
    assert read_mask("2, 1, 5, 4", "--mask") == MaskShape("box", "2, 1, 5, 4", "--mask")
    assert read_mask("0,0 9,0 9,9", "--mask") == MaskShape("polygon", "0,0 9,0 9,9", "--mask")
    (tmp_path / "mask.png").touch()
    path = str(tmp_path / "mask.png")
    assert read_mask(path, "--mask") == ImageFile(path, f"--mask {path!r}")
    with pytest.raises(InputError, match=r"--mask 'missing\.png' is no file here, no box"):
        read_mask("missing.png", "--mask")


def test_without_a_collection_only_a_file_can_be_meant(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="IMAGE '17' is no file; check the spelling"):
        read_input_image(tmp_path / "collection", "17", "IMAGE")
