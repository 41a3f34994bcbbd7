"""Two images compared, by a tiny checkpoint of three layers."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from starlette.testclient import TestClient
from typer.testing import CliRunner

from tests.indexer.encoders.tiny import save_tower
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import CancelledError, InputError, UnusableImageError
from vitrail.indexer.recipes.png import encode_png
from vitrail.indexer.recipes.recipe import GeneratedImage, Recipe
from vitrail.service.cli import app
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.schemas.searches import Receipt
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.comparing_images import compare_images
from vitrail.service.operations.references import ImageFile, ImageId

IMAGES = 24


def scene(seed: int) -> Image.Image:
    """Blobs of all sizes, as photographs have them."""
    random = np.random.default_rng(seed)
    pixels = np.zeros((96, 96, 3))
    for side in (3, 6, 12, 24):
        part = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
        pixels += np.asarray(Image.fromarray(part).resize((96, 96), Image.Resampling.BICUBIC))
    return Image.fromarray((pixels / 4).astype(np.uint8))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    save_tower("vit", folder / "vit")
    (folder / "images").mkdir()
    for number in range(IMAGES):
        scene(number).save(folder / "images" / f"{number}.png")
    for seed in (1, 2):
        recipe = Recipe("text2img", "a cat", "m", "0" * 64, "ddim", 20, 7.5, 96, 96, seed)
        png = encode_png(GeneratedImage(scene(100 + seed), recipe, False, 0.1))
        (folder / f"made-{seed}.png").write_bytes(png)
    with Collection.create(
        folder / "collection", checkpoint=str(folder / "vit"), spaces=["mean@2"], runtime="torch"
    ) as collection:
        collection.index(folder / "images")
    return folder


@pytest.fixture
def collection(made: Path) -> Iterator[Collection]:
    with Collection.open(made / "collection", runtime="torch") as opened:
        yield opened


def test_an_image_is_the_same_as_itself_everywhere(collection: Collection, made: Path) -> None:
    path = made / "images" / "3.png"
    told = collection.compare_images(path, collection.store.resolve(str(path)))
    assert told.same_bytes
    assert {one.space for one in told.layers} == {
        f"{p}@{n}" for p in ("cls", "mean", "gem") for n in (1, 2, 3)
    }
    assert all(one.cosine == pytest.approx(1, abs=1e-5) for one in told.layers)
    assert all(one.usual < 1 for one in told.layers)
    assert told.score == pytest.approx(1, abs=1e-5)
    assert told.closeness == "copy"
    assert told.alignment is not None
    assert not told.alignment.mirrored
    assert told.ssim == pytest.approx(1, abs=1e-6)
    assert told.first_map.share == told.second_map.share == 1
    assert told.recipes == ()


def test_cosines_are_those_of_the_encoder(collection: Collection, made: Path) -> None:
    told = collection.compare_images(1, 2)
    rows = collection.store.vectors([1, 2], "mean@2")
    stored = float(rows[0] @ rows[1])
    found = next(one for one in told.layers if one.space == "mean@2")
    assert found.cosine == pytest.approx(stored, abs=1e-5)
    assert told.score == pytest.approx(stored, abs=1e-5)
    assert [(one.layer, one.pooling) for one in told.layers] == sorted(
        (one.layer, one.pooling) for one in told.layers
    )


def test_a_mirrored_and_cropped_copy_is_laid_over_its_original(
    collection: Collection, made: Path, tmp_path: Path
) -> None:
    copy = ImageOps.mirror(scene(5)).crop((12, 12, 84, 84)).resize((60, 60))
    copy.save(tmp_path / "copy.png")
    told = collection.compare_images(made / "images" / "5.png", tmp_path / "copy.png")
    found = told.alignment
    assert found is not None
    assert found.mirrored
    assert found.scale == pytest.approx(0.75, abs=0.02)
    assert max(map(abs, found.shift)) < 0.02
    assert told.ssim > 0.9
    other = collection.compare_images(made / "images" / "5.png", made / "images" / "6.png")
    assert other.alignment is None or other.alignment.correlation < found.correlation - 0.2


def test_recipes_are_read_from_the_files_and_what_differs_comes_first(
    collection: Collection, made: Path
) -> None:
    told = collection.compare_images(made / "made-1.png", (made / "made-2.png").read_bytes())
    first, *others = told.recipes
    assert (first.name, first.first, first.second, first.same) == ("seed", 1, 2, False)
    assert all(one.same for one in others)
    assert ("prompt", "a cat") in [(one.name, one.first) for one in others]
    real = collection.compare_images(made / "made-1.png", 1)
    assert real.recipes
    assert not any(one.same for one in real.recipes)


def test_bad_images_are_refused(collection: Collection, made: Path, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(UnusableImageError, match=r"text\.png"):
        collection.compare_images(tmp_path / "text.png", 1)
    with pytest.raises(UnusableImageError, match="none"):
        collection.compare_images(1, tmp_path / "none.png")
    with pytest.raises(InputError, match="99"):
        collection.compare_images(1, 99)
    with pytest.raises(InputError, match="names no image"):
        collection.compare_images(1, 2.5)  # type: ignore[arg-type]
    cancellation = Cancellation()
    cancellation.cancel()
    one = ImageFile(str(made / "images" / "1.png"))
    with pytest.raises(CancelledError):
        compare_images(collection, one, one, cancellation=cancellation)


def test_the_guide_compares_two_files(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "comparing.md").read_text("utf-8")
    (call,) = re.findall(r"^vitrail (compare examples.+)$", guide, re.MULTILINE)
    words = shlex.split(call)
    monkeypatch.chdir(tmp_path)
    for name in words[1:3]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        scene(len(name)).save(tmp_path / name)
    done = CliRunner().invoke(app, [*words, "-c", str(made / "collection")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "two.html").is_file()


def test_it_is_printed_drawn_and_written(made: Path, tmp_path: Path) -> None:
    page = tmp_path / "two.html"
    words = ["compare", str(made / "made-1.png"), str(made / "made-2.png")]
    place = ["-c", str(made / "collection")]
    shown = CliRunner().invoke(app, [*words, "--html", str(page), *place])
    assert shown.exit_code == 0, shown.output
    assert re.search(r"^layer +cls +gem +mean$", shown.stdout, re.MULTILINE)
    assert re.search(r"^seed +≠ 1 +2$", shown.stdout, re.MULTILINE)
    assert re.search(r"^prompt +=", shown.stdout, re.MULTILINE)
    text = page.read_text("utf-8")
    assert not re.search(r"<script|\son\w+=|https?://", text)
    assert text.count("<polyline") == 6
    assert text.count('class="veil"') == 2
    found = json.loads(CliRunner().invoke(app, [*words, "--json", *place]).stdout)
    assert found["patches"]["first"]["grid"]
    assert [one["space"] for one in found["layers"]][:3] == ["cls@1", "gem@1", "mean@1"]
    assert found["recipes"][0] == {"name": "seed", "first": 1, "second": 2, "same": False}
    with Collection.open(made / "collection", runtime="torch") as opened:
        figure = opened.compare_images(1, 2).plot()
    assert len(figure.axes[0].lines) == 6


def test_the_service_tells_of_which_commit_a_comparison_is(
    made: Path, collection: Collection, tmp_path: Path
) -> None:
    options = ServiceOptions(
        {"c": made / "collection"}, tmp_path / "state", runtime="torch", warm=False
    )
    with TestClient(create_app(options), base_url="http://127.0.0.1:8000") as client:
        answer = client.get("/v1/compare-images", params={"a": 1, "b": 2})
        listed = client.get("/v1/images?k=1").json()["receipt"]
    receipt = answer.json()["receipt"]
    assert Receipt.model_validate(receipt)
    assert receipt["seconds"].keys() == {"compare"}
    assert {**receipt, "seconds": 0} == {**listed, "seconds": 0}
    assert receipt["encoder"]["checkpoint"] == "vit"
    assert str(made) not in answer.text
    own = compare_images(collection, ImageId(1), ImageId(2)).origin
    assert (own.commit, own.checkpoint) == (receipt["commit"], str(made / "vit"))
