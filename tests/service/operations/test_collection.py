"""The Python API, over an encoder that can be worked out by hand."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.fakes import ColourEncoder, LabellingEncoder
from tests.indexer.encoders.tiny import save_tower
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.encoders import EncoderSettings
from vitrail.indexer.errors import (
    CheckpointError,
    FingerprintMismatchError,
    ImageRejectedError,
    InputError,
    UnknownImageError,
    VitrailError,
)
from vitrail.search.options import SearchOptions
from vitrail.search.query import SearchResult
from vitrail.service.operations.collection import Collection

COLOURS = {"red": (255, 0, 0), "crimson": (230, 0, 60), "blue": (0, 0, 255)}


@pytest.fixture
def pictures(tmp_path: Path) -> Iterator[Collection]:
    """Three pictures of one colour each."""
    for name, colour in COLOURS.items():
        Image.new("RGB", (16, 16), colour).save(tmp_path / f"{name}.png")
    CollectionStore.create(tmp_path / "collection", ColourEncoder().fingerprint).close()
    with Collection.open(tmp_path / "collection", encoder=ColourEncoder()) as opened:
        opened.index(tmp_path)
        yield opened


def names(result: SearchResult) -> list[str]:
    return [Path(hit.paths[0]).stem for hit in result.hits]


def test_a_picture_an_image_and_vectors_are_asked_about_alike(
    pictures: Collection, tmp_path: Path
) -> None:
    red = Image.new("RGB", (4, 4), COLOURS["red"])
    by_picture = pictures.search(red, k=2)
    assert names(by_picture) == ["red", "crimson"]
    assert names(pictures.search(tmp_path / "red.png", k=2)) == ["red", "crimson"]
    assert names(pictures.find(pictures.embed(red), k=2)) == ["red", "crimson"]
    itself = by_picture.hits[0].id
    assert names(pictures.similar(itself, k=2)) == ["crimson", "blue"]
    both = pictures.find(pictures.embed(red), exclude=frozenset({itself}))
    assert names(both) == ["crimson", "blue"]


def test_options_reach_the_search_by_every_way(pictures: Collection) -> None:
    red = Image.new("RGB", (4, 4), COLOURS["red"])
    vectors = pictures.embed(red)
    itself = pictures.search(red).hits[0].id
    (space, *_) = vectors
    for where in ("path LIKE '%crimson%'", "path LIKE '%blue%'"):
        expected = ["crimson" if "crimson" in where else "blue"]
        assert names(pictures.search(red, where=where)) == expected
        assert names(pictures.similar(itself, where=where)) == expected
        assert names(pictures.find(vectors, where=where)) == expected
    assert names(pictures.search(red, min_score=0.9, spaces={space: 1.0})) == ["red", "crimson"]
    assert names(pictures.similar(itself, min_score=0.9, spaces={space: 1.0})) == ["crimson"]
    assert names(pictures.search(red, only="generated")) == []
    assert len(names(pictures.search(red, red, fusion="rrf", exact=True))) == 3


def test_what_cannot_be_asked_is_refused_before_anything_is_loaded(
    pictures: Collection, tmp_path: Path
) -> None:
    pictures = Collection.open(pictures.store.directory)  # its checkpoint is nowhere
    with pytest.raises(CheckpointError):
        pictures.search(tmp_path / "red.png")
    with pytest.raises(InputError, match="at least 1 hit"):
        pictures.search("missing.png", k=0)
    with pytest.raises(InputError, match="between -1 and 1"):
        pictures.search("missing.png", min_score=7)
    with pytest.raises(InputError, match="no image was given"):
        pictures.search()
    with pytest.raises(InputError, match="'nowhere' is not in this collection; it has mean@1"):
        pictures.find({"mean@1": np.eye(12, dtype=np.float32)[0]}, spaces={"nowhere": 1.0})


@pytest.mark.parametrize(
    ("misspelt", "told"),
    [
        ({"runtime": "tensorrt"}, "runtime 'tensorrt' is unknown: use auto, openvino, onnx"),
        ({"device": "tpu"}, "device 'tpu' is unknown: use auto, cpu, cuda, cuda:N or mps"),
        ({"precision": "int8"}, "precision 'int8' is unknown: use auto, fp32, bf16, fp16"),
    ],
)
def test_a_misspelt_word_leaves_no_collection_behind(
    pictures: Collection, tmp_path: Path, misspelt: dict[str, str], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        Collection.create(tmp_path / "new", checkpoint="dinov2-small-focus", **misspelt)  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()
    with pytest.raises(InputError, match=told):  # also where nothing need be embedded
        Collection.open(pictures.store.directory, **misspelt)  # type: ignore[arg-type]


def test_vectors_that_are_no_cosines_are_refused(pictures: Collection) -> None:
    """Five times a unit vector was answered with scores of five."""
    vectors = pictures.embed(Image.new("RGB", (4, 4), COLOURS["red"]))
    long = {space: 5 * rows for space, rows in vectors.items()}
    for ask in (pictures.find, pictures.find_many):
        with pytest.raises(InputError, match="has length 5"):
            ask(long)
        with pytest.raises(InputError, match="NaN or infinite"):
            ask({space: rows * np.nan for space, rows in vectors.items()})
        with pytest.raises(InputError, match="'nothing'"):
            ask({"nothing": np.ones(3, np.float32)})
    with pytest.raises(InputError, match="the same number of query rows"):
        pictures.find({"mean@1": np.zeros((0, 12), np.float32)})


def test_an_array_alone_asks_the_only_space(pictures: Collection) -> None:
    (rows,) = pictures.embed(Image.new("RGB", (4, 4), COLOURS["red"])).values()
    for given in (rows, rows[0], rows.astype(np.float64), rows[0].tolist()):
        assert names(pictures.find(given, k=2)) == ["red", "crimson"]


def test_several_rows_are_one_question_only_when_fusion_says_so(pictures: Collection) -> None:
    asked = [Image.new("RGB", (4, 4), COLOURS[name]) for name in ("red", "blue")]
    vectors = pictures.embed(*asked)
    with pytest.raises(InputError, match=r"2 rows .* find_many .* fusion"):
        pictures.find(vectors)
    fused = pictures.find(vectors, fusion="mean")
    assert fused.agreement is not None
    assert fused.hits == pictures.search(*asked).hits


def test_many_questions_have_an_answer_each(pictures: Collection) -> None:
    asked = [Image.new("RGB", (4, 4), COLOURS[name]) for name in ("blue", "red", "blue")]
    answers = pictures.search_many(asked, k=1)
    assert [names(answer) for answer in answers] == [["blue"], ["red"], ["blue"]]
    assert [answer.hits for answer in pictures.find_many(pictures.embed(*asked), k=1)] == [
        answer.hits for answer in answers
    ]
    filtered = pictures.search_many(asked, where="path LIKE '%crimson%'")
    assert [names(answer) for answer in filtered] == [["crimson"]] * 3
    first = answers[0].hits[0].id
    others = pictures.find_many(pictures.embed(*asked), k=1, exclude=[first])
    assert [names(answer) for answer in others] == [["crimson"], ["red"], ["crimson"]]
    assert pictures.search_many([]) == []
    with pytest.raises(InputError, match=r"'a\.jpg' is one image; give a list"):
        pictures.search_many("a.jpg")
    assert pictures.find_many(np.zeros((0, 12), np.float32)) == []


def test_more_pictures_than_a_batch_are_embedded_in_several(pictures: Collection) -> None:
    asked = [Image.new("RGB", (4, 4), (255, 0, number)) for number in range(70)]
    encoder = pictures.encoder
    assert isinstance(encoder, ColourEncoder)
    encoder.sizes.clear()
    rows = pictures.embed(*asked)["mean@1"]
    assert rows.shape == (70, 12)
    assert max(encoder.sizes) <= 32
    assert (rows[69] == pictures.embed(asked[69])["mean@1"][0]).all()


def test_weights_become_shares_so_that_scores_stay_cosines(pictures: Collection) -> None:
    red = Image.new("RGB", (4, 4), COLOURS["red"])
    assert pictures.search(red, spaces={"mean@1": 7}).hits[0].score == pytest.approx(1, abs=1e-5)
    for weight in (0, -1, float("nan"), "much"):
        with pytest.raises(InputError, match="the weight of space mean@1"):
            pictures.search(red, spaces={"mean@1": weight})  # type: ignore[dict-item]


def test_whatever_is_asked_with_the_error_is_one_of_ours(pictures: Collection) -> None:
    things: list[Any] = [None, 99, np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), object(), b""]
    for thing in things:
        for ask in (pictures.search, pictures.embed, lambda one: pictures.search_many([one])):
            with pytest.raises(VitrailError):
                ask(thing)
    with pytest.raises(InputError, match="at least one"):
        pictures.embed()
    red = Image.new("RGB", (4, 4))
    for option, value in (("only", "reel"), ("fusion", "max"), ("k", 2.5), ("k", "ten")):
        with pytest.raises(InputError, match=option):
            pictures.search(red, **{option: value})  # type: ignore[arg-type]


def test_an_array_of_pixels_is_a_picture(pictures: Collection) -> None:
    pixels = np.full((16, 16, 3), COLOURS["red"], np.uint8)
    assert names(pictures.search(pixels, k=2)) == ["red", "crimson"]
    assert names(pictures.search_many([pixels], k=1)[0]) == ["red"]


def test_an_encoder_that_is_given_is_the_one_that_works(tmp_path: Path) -> None:
    Image.new("RGB", (16, 16), COLOURS["red"]).save(tmp_path / "red.png")
    encoder = LabellingEncoder()
    with Collection.create(tmp_path / "collection", encoder=encoder) as made:
        assert made.encoder is encoder
        assert made.fingerprint == encoder.fingerprint
        made.index(tmp_path, classify=True)
        (hit,) = made.search(tmp_path / "red.png").hits
        assert {*hit.metadata["labels"]} == {"dark", "light"}
    assert sum(encoder.sizes) == 2


def test_an_encoder_of_other_vectors_is_refused_at_once(tmp_path: Path) -> None:
    Collection.create(tmp_path / "collection", encoder=ColourEncoder()).close()
    with pytest.raises(FingerprintMismatchError, match=r"colours \[.*labelling \["):
        Collection.open(tmp_path / "collection", encoder=LabellingEncoder())


def test_settings_are_held_to_the_collection_and_travel(tmp_path: Path) -> None:
    save_tower("vit", tmp_path / "vit")
    settings = EncoderSettings(str(tmp_path / "vit"), ("mean@1",), runtime="torch", device="cpu")
    with Collection.create(tmp_path / "collection", encoder=settings) as made:
        assert made.encoder_settings == settings
        assert pickle.loads(pickle.dumps(made.encoder_settings)) == settings
        assert made.encoder.runtime.startswith("torch")
    with Collection.open(tmp_path / "collection", runtime="torch", device="cpu") as opened:
        assert opened.encoder_settings == settings
    other = replace(settings, spaces=("mean@2",))
    with pytest.raises(FingerprintMismatchError, match=r"mean@1.*mean@2"):
        Collection.open(tmp_path / "collection", encoder=other)


def test_an_encoder_beside_what_would_choose_another_is_refused(tmp_path: Path) -> None:
    home, encoder = tmp_path / "collection", ColourEncoder()
    with pytest.raises(InputError, match="beside checkpoint"):
        Collection.create(home, checkpoint="some/vit", encoder=encoder)
    assert not home.exists()
    Collection.create(home, encoder=encoder).close()
    with pytest.raises(InputError, match="beside checkpoint"):
        Collection.open(home, runtime="torch", encoder=encoder)


def test_what_is_no_id_and_a_file_that_is_not_there_are_refused_by_name(
    pictures: Collection, tmp_path: Path
) -> None:
    for number in (-1, 999, 2**70):
        with pytest.raises(UnknownImageError, match=f"no image with id {number} "):
            pictures.similar(number)
    for odd in ("1", 1.5):
        with pytest.raises(InputError, match=f"the id {odd!r} is no whole number"):
            pictures.similar(odd)  # type: ignore[arg-type]
    with pytest.raises(ImageRejectedError, match=r"^missing: .*nowhere\.png.* no longer there"):
        pictures.search(tmp_path / "red.png", tmp_path / "nowhere.png")


def test_a_background_of_another_width_is_refused(pictures: Collection) -> None:
    row = np.eye(12, dtype=np.float32)[0]
    with pytest.raises(InputError, match=r"background, .* space mean@1 has shape .*12"):
        pictures.find(row, background={"mean@1": np.eye(5, dtype=np.float32)})


@pytest.mark.parametrize("ask", ["search_many", "find_many"])
def test_fusion_is_refused_where_each_row_is_a_question(pictures: Collection, ask: str) -> None:
    options = SearchOptions(fusion="rrf")
    with pytest.raises(InputError, match=f"fusion is 'rrf', which {ask} does not heed"):
        getattr(pictures, ask)([], options=options)
