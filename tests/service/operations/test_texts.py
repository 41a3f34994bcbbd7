"""Searching by texts: collections of tiny random CLIP and SigLIP checkpoints."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.indexer.encoders.tiny import LONGEST, PAIRS, SIDE, normalised, save_pair, save_tower
from tests.service.conftest import Vitrail
from vitrail.indexer.errors import CheckpointError, FingerprintMismatchError, InputError
from vitrail.service.cli.refusals import in_options
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.progress import Event, QueryProgress
from vitrail.service.operations.query_kinds import ImageQuery, MixedQuery, TextQuery
from vitrail.service.operations.references import ImageFile
from vitrail.service.operations.searching import search
from vitrail.service.operations.texts import ReadsNoTextError

IMAGES = 24
TEXT = "a dog on a beach"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for number in range(IMAGES):
        pixels = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module", params=PAIRS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Name, directory and transformers' model of an image-text checkpoint."""
    directory = tmp_path_factory.mktemp(request.param)
    return request.param, directory, save_pair(request.param, directory)


@pytest.fixture(scope="module")
def home(pair: Any, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("collection") / "c"
    with Collection.create(
        directory, checkpoint=str(pair[1]), runtime="torch", precision="fp32"
    ) as made:
        made.index(images)
    return directory


@pytest.fixture
def collection(home: Path) -> Iterator[Collection]:
    with Collection.open(home, runtime="torch", precision="fp32") as opened:
        yield opened


def expected(pair: Any, images: Path, text: str) -> dict[str, float]:
    """File name -> cosine to the text, as transformers computes it."""
    import transformers

    name, directory, model = pair
    files = sorted(images.glob("*.png"))
    pixels = np.stack([np.asarray(Image.open(file)) for file in files])
    given = transformers.AutoTokenizer.from_pretrained(directory)(
        [text.lower()],
        padding="max_length" if name == "siglip" else True,
        truncation=True,
        max_length=LONGEST,
        return_tensors="pt",
    )
    with torch.no_grad():
        out = model(**given, pixel_values=normalised(pixels))
    cosines = (out.text_embeds @ out.image_embeds.T)[0].tolist()
    return dict(zip([file.name for file in files], cosines, strict=True))


def test_images_are_ranked_as_transformers_ranks_them(
    collection: Collection, pair: Any, images: Path
) -> None:
    assert list(collection.store.spaces) == ["proj@3"], "of itself, where a checkpoint reads texts"
    cosines = expected(pair, images, TEXT)
    hits = collection.search_text(TEXT, k=IMAGES).hits
    found = {Path(hit.paths[0]).name: hit.score for hit in hits}
    assert list(found) == sorted(cosines, key=lambda name: -cosines[name])
    assert found == {name: pytest.approx(cosine, abs=2e-5) for name, cosine in cosines.items()}
    (best, *_) = collection.search_text(f"  {TEXT.replace(' ', chr(10))} ", k=1).hits
    assert best.id == hits[0].id, "however it is laid out"


def test_options_hold_and_nothing_is_said_of_pairs_of_images(collection: Collection) -> None:
    result = collection.search_text(TEXT, k=3, where="name > '10'")
    assert len(result.hits) == 3
    assert all(Path(hit.paths[0]).name > "10" for hit in result.hits)
    assert {hit.closeness for hit in result.hits} == {None}
    assert result.scale is None
    assert collection.search_text(TEXT, spaces={"proj@3": 2}).hits
    with pytest.raises(InputError, match=r"max fpr 0\.01 is told of pairs of images.*min score"):
        collection.search_text(TEXT, max_fpr=0.01)
    unusable: list[tuple[Any, str]] = [
        (" \n", "the text to search by is empty; give some words"),
        ("caf\udce9", "holds bytes that are no UTF-8; give it in UTF-8"),
        (b"a dog", "the text to search by is b'a dog'; give a string"),
    ]
    for text, refusal in unusable:
        with pytest.raises(InputError, match=refusal):
            collection.search_text(text)
    assert collection.search_text("ein Käfer 🐞 ～ \0", k=1).hits


def test_a_text_and_an_image_are_one_question(collection: Collection, images: Path) -> None:
    image = ImageQuery(ImageFile(str(images / "03.png")))
    mixed = search(collection, MixedQuery((TextQuery(TEXT), image)))
    rows = [
        collection.text_encoder.embed([TEXT]).vectors,
        collection.embed(images / "03.png")["proj@3"],
    ]
    together = collection.find({"proj@3": np.concatenate(rows)}, fusion="mean")
    assert [hit.id for hit in mixed.result.hits] == [hit.id for hit in together.hits]
    unlike = search(collection, MixedQuery((image,), (TextQuery(TEXT),)))
    assert unlike.query.title.endswith(f"not “{TEXT}”")


def test_a_text_turns_a_question_away(collection: Collection) -> None:
    for_, against = (collection.text_encoder.embed([one]).vectors[0] for one in (TEXT, "snow"))
    moved = 2 * for_ - against
    rows = np.stack([collection.store.vectors([i], "proj@3")[0] for i in range(1, IMAGES + 1)])
    expected_order = np.argsort(-(rows @ moved), kind="stable") + 1
    hits = collection.search_text(TEXT, negative=["snow"], k=IMAGES).hits
    assert [hit.id for hit in hits] == expected_order.tolist()
    assert hits[0].score == pytest.approx(float((rows @ moved).max() / np.linalg.norm(moved)))
    assert [hit.id for hit in collection.search_text(TEXT, k=IMAGES).hits] != [h.id for h in hits]
    with pytest.raises(InputError, match="negative is 'snow', which is one text; give a list"):
        collection.search_text(TEXT, negative="snow")


def test_a_long_text_is_cut_and_that_is_told(
    collection: Collection, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "vitrail"):
        collection.search_text("dog " * LONGEST)
    assert f"longer than the {LONGEST} tokens" in caplog.text
    events: list[Event] = []
    search(collection, TextQuery(TEXT), progress=events.append)
    assert events == [QueryProgress("reading"), QueryProgress("searching")]


def test_a_text_has_no_patches_to_explain(collection: Collection) -> None:
    result = collection.search_text(TEXT, k=2)
    for hit, why in zip(result.hits, collection.explain(result), strict=True):
        assert why.shares == {"proj@3": pytest.approx(hit.score)}


def test_other_weights_than_the_images_had_are_refused(
    collection: Collection, pair: Any, tmp_path: Path
) -> None:
    _, directory, _ = pair
    weights = directory / "model.safetensors"
    kept = weights.read_bytes()
    changed = bytearray(kept)
    changed[-1] ^= 1
    try:
        weights.write_bytes(changed)
        with pytest.raises(FingerprintMismatchError, match="has other weights than when"):
            collection.search_text(TEXT)
    finally:
        weights.write_bytes(kept)
    assert collection.search_text(TEXT).hits


def test_a_pair_without_the_space_names_the_command(
    pair: Any, images: Path, tmp_path: Path
) -> None:
    _, directory, _ = pair
    home = tmp_path / "c"
    with Collection.create(
        home, checkpoint=str(directory), spaces=["mean@2", "mean@3"], runtime="torch"
    ) as made:
        made.index(images / "00.png")
        remedy = "vitrail reembed --space mean@2 --space mean@3 --space proj@3"
        with pytest.raises(InputError, match=f"no space that texts are compared in.*{remedy}"):
            made.search_text(TEXT)


def test_other_spaces_are_left_out_of_a_question_by_text(
    pair: Any, images: Path, tmp_path: Path
) -> None:
    _, directory, _ = pair
    home = tmp_path / "c"
    with Collection.create(
        home, checkpoint=str(directory), spaces=["mean@2", "proj@3"], runtime="torch"
    ) as made:
        made.index(images)
        assert {*made.search_text(TEXT).hits[0].scores} == {"proj@3"}
        mixed = MixedQuery((TextQuery(TEXT), ImageQuery(ImageFile(str(images / "03.png")))))
        assert {*search(made, mixed).result.hits[0].scores} == {"proj@3"}
        with pytest.raises(InputError, match=r"compared in the space proj@3 alone; leave mean@2"):
            made.search_text(TEXT, spaces={"mean@2": 1, "proj@3": 1})


def test_a_plain_vit_names_what_to_use_instead(images: Path, tmp_path: Path) -> None:
    save_tower("vit", tmp_path / "vit")
    with Collection.create(tmp_path / "c", checkpoint=str(tmp_path / "vit")) as made:
        with pytest.raises(ReadsNoTextError, match=r"vit reads no text, so that 'a dog'") as told:
            made.search_text("a dog")
        assert "--" not in str(told.value)  # it is no command line that has asked
        by = in_options(told.value)
        assert "use --prompt in the place of --text" in by
        assert by.startswith(told.value.problem)
        (tmp_path / "vit" / "model.safetensors").unlink()
        with pytest.raises(CheckpointError):
            made.search_text("a dog")


def test_the_command_line_asks_by_text(vitrail: Vitrail, home: Path, tmp_path: Path) -> None:
    found = vitrail("search", "--text", TEXT, "-c", home, "--k", 3)
    assert found.code == 0, found.err
    assert len(found.names) == 3
    words = ("search", "--text", TEXT, "--not-text", "snow", "-c", home, "--k", 3)
    assert vitrail(*words, "--json").json["query"] == f"“{TEXT}”, not “snow”"
    sheet = tmp_path / "sheet.html"
    told = vitrail("search", "--text", TEXT, "-c", home, "--json", "--explain", "--html", sheet)
    assert told.json["query"] == f"“{TEXT}”"
    reasons = {hit["explanation"]["reason"] for hit in told.json["hits"][:8]}
    assert reasons == {"the query has no image whose patches could be compared"}
    assert f"“{TEXT}”" in sheet.read_text("utf-8")
    vitrail.fails("search", "a dog", "-c", home, code=2, says=['words say: --text "a dog"'])
    long = vitrail("search", "--text", "dog " * LONGEST, "-c", home)
    assert "note: the text is longer than" in long.err
    vitrail.fails("search", "--text", "", "-c", home, code=2, says=["text to search by is empty"])
    vitrail.fails(
        *("search", "--text", TEXT, "--box", "0,0,1,1", "-c", home), code=2, says=["--box"]
    )
    vitrail.fails(
        *("search", "--text", TEXT, "--seeds", 2, "-c", home), code=2, says=["--prompt TEXT"]
    )


def test_what_cannot_be_asked_by_text_says_so_on_the_command_line(
    vitrail: Vitrail, tmp_path: Path, home: Path, pair: Any
) -> None:
    config = pair[1] / "config.json"
    kept = config.read_text()
    changed = json.loads(kept)
    changed["text_config"]["num_hidden_layers"] += 1
    try:
        config.write_text(json.dumps(changed))
        vitrail.fails(
            *("search", "--text", TEXT, "-c", home), code=1, says=["does not fit its config"]
        )
    finally:
        config.write_text(kept)
