"""What the page works out without a page: questions in addresses, layouts, commands, weights."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def call(browser: Browser, base: str) -> Iterator[Callable[..., Any]]:
    """Calls a function of a module of the page, once for each list of arguments."""
    page = browser.new_page()
    page.goto(f"{base}/assets/icon.svg")  # of the page's origin, and nothing else

    def call_(module: str, name: str, *given: list[Any]) -> Any:
        return page.evaluate(
            "async ([m, n, all]) => { const f = (await import(`/assets/${m}.js`))[n];"
            " return all.map((given) => f(...given)); }",
            [module, name, [list(one) for one in given]],
        )

    page.goto(f"{base}/assets/app.js")
    yield call_
    page.close()


def _tenth(whole: int) -> float:
    return whole / 10


texts = st.text(min_size=1, max_size=12).filter(lambda text: not _lone(text))
shares = st.floats(0.01, 1).map(lambda share: round(share, 3))
box = st.tuples(*[st.integers(0, 100)] * 4).map(lambda four: ",".join(f"{one}%" for one in four))
images = st.one_of(
    st.fixed_dictionaries(
        {"kind": st.just("image"), "id": st.integers(0, 2**52)}, optional={"box": box}
    ),
    st.fixed_dictionaries(
        {"kind": st.just("upload"), "token": st.text("0123456789abcdef", min_size=64, max_size=64)},
        optional={"box": box},
    ),
)
values = st.one_of(st.integers(-(2**40), 2**40), texts, st.booleans())
conditions = st.fixed_dictionaries(
    {
        "column": texts,
        "comparison": st.sampled_from(["is", "above", "below", "at_least", "at_most", "like"]),
        "value": values,
    }
)
questions = st.fixed_dictionaries(
    {
        "collection": st.none() | texts,
        "positive": st.lists(images, max_size=3),
        "negative": st.lists(images, max_size=2),
        "conditions": st.lists(conditions, max_size=3),
        "where": st.just("") | texts,
        "only": st.sampled_from(["all", "generated", "real"]),
        "spaces": st.none()
        | st.dictionaries(st.sampled_from(["gem@9/w", "cls@12"]), shares, min_size=1),
        "minScore": st.none() | shares,
        "groupBy": st.none() | texts,
        "diverse": st.none() | shares,
        "sort": st.none() | texts,
        "drawn": st.none() | st.integers(0, 99_999),
    }
)


def _lone(text: str) -> bool:
    return any(0xD800 <= ord(one) < 0xE000 for one in text)


@given(asked=st.lists(questions, min_size=5, max_size=25))
def test_a_question_comes_back_from_its_address(
    call: Callable[..., Any], asked: list[dict[str, Any]]
) -> None:
    addresses = call("question", "toQuery", *([one] for one in asked))
    assert call("question", "fromQuery", *([one] for one in addresses)) == asked


@pytest.mark.parametrize(
    "address",
    [
        "like=seventeen&unlike=-3&like=u.XYZ&like=17@10,20",
        "f=%5B1%2C2%5D&f=nonsense&f=%5B%22a%22%2C%22drop%22%2C1%5D",
        "spaces=gem@9:no,:1&min=low&diverse=&drawn=-4&drawn=1.5&only=some&seeds=many",
    ],
)
def test_what_is_no_question_is_left_out(call: Callable[..., Any], address: str) -> None:
    [read], [empty] = call("question", "fromQuery", [address]), call("question", "nothing", [])
    assert read == empty


@given(
    asked=st.lists(st.floats(0.02, 60), max_size=120),
    width=st.integers(280, 2400),
    row=st.integers(60, 400),
    stop=st.integers(-1, 130),
)
def test_rows_fill_the_width_in_their_order(
    call: Callable[..., Any], asked: list[float], width: int, row: int, stop: int
) -> None:
    gap, caption = 8, 28
    room = {"width": width, "row": row, "gap": gap, "caption": caption, "break": stop}
    [laid] = call("layout", "justify", [asked, room | {"breakHeight": 40}])
    places = laid["places"]
    assert len(places) == len(asked)
    assert (laid["breakTop"] is None) == (not 0 <= stop < len(asked))
    rows: dict[float, list[dict[str, float]]] = {}
    for place in places:
        rows.setdefault(place["top"], []).append(place)
    tops = list(rows)
    assert tops == sorted(tops)
    for top, row_ in rows.items():
        right = max(place["left"] + place["width"] for place in row_)
        assert right <= width + 0.01
        ends = places.index(row_[-1]) + 1 in (len(places), stop)
        assert ends or right == pytest.approx(width)
        later = [other for other in tops if other > top]
        assert not later or later[0] >= top + row_[0]["height"] + caption
        for one, other in pairwise(row_):
            assert other["left"] == pytest.approx(one["left"] + one["width"] + gap)
    if places:
        assert laid["height"] >= places[-1]["top"] + places[-1]["height"]
        for at in (0, laid["height"] / 2, laid["height"]):
            [[first, last]] = call("layout", "between", [places, at, at + 100])
            seen = [
                i
                for i, place in enumerate(places)
                if place["top"] <= at + 100 and place["top"] + place["height"] >= at
            ]
            assert not seen or (first <= seen[0] and last > seen[-1])


plain = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(column=plain, value=plain, other=plain)
@example(column="order", value="a", other="b")
@example(column="left", value="a", other="b")
def test_a_condition_means_the_same_as_sql(
    call: Callable[..., Any], column: str, value: str, other: str
) -> None:
    """Whatever quotes are in the name of a column and in what is looked for."""
    first, second, either, held = call(
        *("commands", "conditionSql"),
        [{"column": column, "comparison": "is", "value": value}],
        [{"column": column, "comparison": "is", "value": other}],
        [{"column": column, "comparison": "in", "value": [value, other]}],
        [{"column": column, "comparison": "has", "value": value}],
    )
    name = column.replace('"', '""')
    with duckdb.connect() as connection:
        connection.execute(f'CREATE TABLE t ("{name}" VARCHAR)')
        connection.execute("INSERT INTO t VALUES (?)", [value])
        for sql, passes in ((first, True), (second, value == other), (either, True)):
            assert len(connection.execute(f"FROM t WHERE {sql}").fetchall()) == passes
        connection.execute(f'CREATE TABLE lists AS SELECT ["{name}"] AS "{name}" FROM t')
        assert connection.execute(f"FROM lists WHERE {held}").fetchall() == [([value],)]


def test_layers_are_a_ladder_of_the_spaces_that_count(call: Callable[..., Any]) -> None:
    spaces = ["cls@12", "gem@9", "gem@9/w", "mean@6", "proj@12"]
    [rungs] = call("weighing", "ladder", [spaces, {"gem@9/w": 1}])
    assert rungs == ["mean@6", "gem@9/w", "cls@12"]
    weights = call("weighing", "weightsAt", *([rungs, place / 20] for place in range(21)))
    assert weights[0] == {"mean@6": 1}
    assert weights[10] == {"gem@9/w": 1}
    assert weights[-1] == {"cls@12": 1}
    for one in weights:
        assert sum(one.values()) == pytest.approx(1, abs=0.002)
    places = call("weighing", "placeOf", *([rungs, one] for one in weights))
    assert places == pytest.approx([place / 20 for place in range(21)], abs=0.002)


def test_scores_are_words_and_rarities(call: Callable[..., Any]) -> None:
    told = call("words", "pairs", [0.0000806], [0.001], [0.26], [0], [None])
    assert told == [12000, 1000, 4, None, None]
    hit = {"id": 1, "score": 0.66, "closeness": "look-alike", "fpr": 0.00014}
    [meaning] = call("words", "meaning", [hit])
    assert (meaning["word"], meaning["rarity"]) == ("look-alike", "1 in 7,100")
    assert "score 0.660" in meaning["note"]


@pytest.mark.parametrize(
    ("frame", "box"),
    [
        ((0.1, 0.2, 0.5, 0.25), "10%,20%,50%,25%"),
        ((-0.1, 0.999, 1.4, 0.4), "0%,99.9%,100%,0.1%"),
        ((1 / 3, 0, 2 / 3, 1), "33.3%,0%,66.7%,100%"),
    ],
)
def test_a_crop_never_leaves_the_image(
    call: Callable[..., Any], frame: tuple[float, ...], box: str
) -> None:
    x, y, width, height = frame
    [made] = call("parts/crop", "boxOf", [{"x": x, "y": y, "width": width, "height": height}])
    assert made == box


fine = st.integers(-49_000, 59_000).map(lambda ten_thousandth: ten_thousandth / 10_000)
rings = st.lists(st.tuples(fine, fine).map(list), min_size=3, max_size=64)
maps = st.fixed_dictionaries(
    {
        "collection": st.none() | texts,
        "where": st.just("") | texts,
        "only": st.sampled_from(["all", "generated", "real"]),
        "space": st.none() | texts,
        "layout": st.sampled_from(["umap", "pca"]),
        "clusters": st.none() | st.integers(0, 1000),
        "colour": st.none() | texts,
        "job": st.none() | st.text("0123456789abcdef", min_size=16, max_size=16),
        "view": st.none()
        | st.fixed_dictionaries(
            {"at": st.tuples(fine, fine).map(list), "scale": st.integers(5, 4000).map(_tenth)}
        ),
        "ring": st.none() | rings,
        "value": st.none() | st.just("") | texts,
    }
)


@given(asked=st.lists(maps, min_size=5, max_size=20))
def test_a_map_comes_back_from_its_address(
    call: Callable[..., Any], asked: list[dict[str, Any]]
) -> None:
    links = call("mapping", "mapHref", *([one] for one in asked))
    read = call("mapping", "readMap", *([link.partition("?")[2]] for link in links))
    for one, again in zip(asked, read, strict=True):
        ring = one["ring"] and [pytest.approx(point, abs=1e-9) for point in one["ring"]]
        assert again == one | {"ring": ring}
    drawn = [one["ring"] for one in read if one["ring"]]
    assert call("mapping", "settled", *([ring] for ring in drawn)) == drawn


@pytest.mark.parametrize(
    "address",
    [
        "at=1_2&ring=1-2_3-4&job=..%2F..&clusters=-3&layout=tsne&kind=none",
        "at=a_b_c&ring=1-2_3-4_x&clusters=1.5&job=",
        "at=0_0_9000&ring=12345678-1_2-3_4-5&clusters=2000",
    ],
)
def test_what_is_no_map_is_left_out(call: Callable[..., Any], address: str) -> None:
    [read], [empty] = call("mapping", "readMap", [address]), call("mapping", "readMap", [""])
    assert read == empty


@given(
    ring=rings,
    points=st.lists(st.tuples(fine, fine).map(list), min_size=1, max_size=20),
    most=st.integers(3, 64),
)
def test_a_line_that_is_thinned_is_as_short_as_asked_and_a_part_of_it(
    call: Callable[..., Any], ring: list[list[float]], points: list[list[float]], most: int
) -> None:
    [thin] = call("plotting", "thinned", [ring, most])
    assert 3 <= len(thin) <= max(3, most)
    rest = iter(ring)
    assert all(point in rest for point in thin), "the corners in their order"
    inside = call("plotting", "isWithin", *([ring, *point] for point in points))
    turned = call("plotting", "isWithin", *([ring[1:] + ring[:1], *point] for point in points))
    assert inside == turned, "wherever it begins"
    x, y = (min(point[axis] for point in ring) - 1 for axis in (0, 1))
    assert call("plotting", "isWithin", [ring, x, y]) == [False]
    box = call("plotting", "boxBetween", *([ring[0], point] for point in points))
    for (x0, y0), (x1, y1), corners in zip([ring[0]] * len(points), points, box, strict=True):
        if x0 != x1 and y0 != y1:
            middle = [(x0 + x1) / 2, (y0 + y1) / 2]
            assert call("plotting", "isWithin", [corners, *middle]) == [True]


def test_a_column_colours_by_its_values_or_as_a_scale(call: Callable[..., Any]) -> None:
    many = [f"v{i % 80}" for i in range(200)]
    [kinds] = call("colouring", "byValue", [[*many, None, ""], "label"])
    counts = {entry["text"]: entry["count"] for entry in kinds["entries"]}
    assert (counts["none"], sum(counts.values())) == (2, 202)
    assert counts["other values"] == sum(many.count(f"v{i}") for i in {*range(80)}) - sum(
        count for text, count in counts.items() if text.startswith("v")
    )
    assert len({entry["colour"] for entry in kinds["entries"]}) == 17  # 16, and grey
    [scale] = call("colouring", "byValue", [[3, None, 1, 2], "stars"])
    assert (scale["scale"], scale["entries"]) == (["1", "3"], [])
    assert len({*scale["colours"]}) == 4
    [days] = call("colouring", "byValue", [["2020-05-01", "2019-02-03", None], "day"])
    assert days["scale"] == ["2019-02-03", "2020-05-01"]
    typed = call("annotating", "valueOf", ["5", None], ["5", {"kind": "text"}], ["yes", None])
    assert typed == [5, "5", "yes"]
    held = call("annotating", "valueOf", ["Yes", {"kind": "boolean"}], ["x", {"kind": "number"}])
    assert held == [True, "x"]


def test_what_is_said_begins_as_a_sentence_but_for_names(call: Callable[..., Any]) -> None:
    said = {
        "there is no image 3": "There is no image 3",
        "a filter is empty": "A filter is empty",
        "the id '22' names none": "The id '22' names none",
        "dinov2-small-focus reads no text": "dinov2-small-focus reads no text",
        "k is 5,000": "k is 5,000",
        "cat.jpg: not an image": "cat.jpg: not an image",
        "cls@12 is no space": "cls@12 is no space",
        "'x' is no filter": "'x' is no filter",
        "": "",
    }
    assert call("words", "sentence", *([one] for one in said)) == [*said.values()]
