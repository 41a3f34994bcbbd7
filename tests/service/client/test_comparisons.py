"""Two images compared by a service, of a tiny checkpoint: by ids at once, by a file as a job."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from tests.indexer.encoders.tiny import save_tower
from tests.service.http.processes import answering
from vitrail.service.client.client import Client
from vitrail.service.http.options import ServiceOptions
from vitrail.service.operations.collection import Collection


def test_two_images_are_compared_as_here(tmp_path: Path) -> None:
    save_tower("vit", tmp_path / "vit")
    (tmp_path / "images").mkdir()
    for number in range(6):
        shade = Image.linear_gradient("L").resize((32, 32)).rotate(60 * number).convert("RGB")
        shade.save(tmp_path / "images" / f"{number}.png")
    with Collection.create(
        tmp_path / "c", checkpoint=str(tmp_path / "vit"), spaces=["mean@2"], runtime="torch"
    ) as local:
        local.index(tmp_path / "images")
        here = local.compare_images(1, 2)
    options = ServiceOptions({"c": tmp_path / "c"}, tmp_path / "state", runtime="torch", warm=False)
    with answering(options) as port, Client(f"http://127.0.0.1:{port}") as client:
        by_ids = client.compare_images(1, 2)
        path = tmp_path / "images" / (client.image(2).name or "")
        of_file = client.compare_images(1, path)
    assert by_ids["score"] == here.score
    assert of_file["score"] == by_ids["score"]
    assert of_file["layers"] == by_ids["layers"]
