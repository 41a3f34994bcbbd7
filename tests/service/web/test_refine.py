"""Refining: layers, cutoff, filters, groups and order, which rank anew while they are moved."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.service.web.conftest import PHONE, WIDE, Open, Watched, expected
from tests.service.web.examples import KINDS
from tests.service.web.test_search import IMAGES, id_of


def slide(watched: Watched, selector: str, *values: float) -> None:
    """Move a slider as a hand does, through some values to the last."""
    watched.page.eval_on_selector(
        selector,
        "(slider, values) => { for (const value of values) { slider.value = value;"
        " slider.dispatchEvent(new Event('input', { bubbles: true })); } }",
        [str(value) for value in values],
    )


def asked(watched: Watched, name: str) -> str | None:
    found: str | None = watched.page.evaluate(
        "(name) => new URLSearchParams(location.search).get(name)", name
    )
    return found


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_layers_rank_anew_while_they_are_moved(at: Open, size: tuple[int, int]) -> None:
    watched = at(size)
    cat = id_of(watched.open(), "cat.jpg")
    page = watched.open(f"/?like={cat}")
    watched.refine()
    page.wait_for_selector("#ladder")
    answers = []
    page.on("requestfinished", lambda sent: answers.append("/v1/search" in sent.url))
    rankings = {}
    for place, weights in ((0, "mean@6:1"), (1, "cls@12:1"), (0.5, "gem@9:1")):
        slide(watched, "#ladder", 0.2, 0.7, place)
        watched.until(f"new URLSearchParams(location.search).get('spaces') === '{weights}'")
        watched.settle()
        rankings[weights] = tuple(watched.ids())
    assert len({*rankings.values()}) == 3
    asks = sum(answers)
    assert asks <= 3 * 2 + 1, f"{asks} questions for three moves"  # each with its histogram
    page.click("text=As the collection weighs them")
    watched.until("!new URLSearchParams(location.search).has('spaces')")


def test_an_answer_that_comes_too_late_is_dropped(at: Open) -> None:
    watched = at()
    cat = id_of(watched.open(), "cat.jpg")
    page = watched.open(f"/?like={cat}&spaces=mean@6:1")
    right = watched.ids()
    held: list[Any] = []
    page.route("**/v1/search", lambda route: held.append(route) if not held else route.continue_())
    page.evaluate(
        "() => { const s = document.querySelector('vitrail-app').session;"
        " s.turn({...s.question, spaces: {'cls@12': 1}}); }"
    )
    watched.until("document.querySelector('[aria-busy=true]')")
    while not held:
        page.wait_for_timeout(20)
    page.evaluate(
        "() => { const s = document.querySelector('vitrail-app').session;"
        " s.turn({...s.question, spaces: {'mean@6': 1}}); }"
    )
    watched.until("document.querySelector('vitrail-app').session.question.spaces['mean@6'] === 1")
    watched.settle()
    assert watched.ids() == right
    page.unroute("**/v1/search")


def test_the_edge_of_the_histogram_is_the_cutoff(at: Open) -> None:
    watched = at()
    cat = id_of(watched.open(), "cat.jpg")
    page = watched.open(f"/?like={cat}")
    watched.refine()
    page.wait_for_selector("#cutoff")
    all_, bars = len(watched.ids()), page.locator(".cutoff rect")
    assert page.locator(".cutoff rect.out").count() == 0
    slide(watched, "#cutoff", 100)
    watched.until("new URLSearchParams(location.search).has('min')")
    watched.settle()
    assert 0 < len(watched.ids()) < all_
    assert 0 < page.locator(".cutoff rect.out").count() < bars.count()
    said = page.inner_text(".cutoff .soft")
    assert f": {len(watched.ids())} of {IMAGES - 1}" in said
    slide(watched, "#cutoff", 191)
    watched.settle()
    assert len(watched.ids()) == 1
    page.click("text=Remove the cutoff")
    watched.until("!new URLSearchParams(location.search).has('min')")


def test_columns_filter_with_counts(at: Open) -> None:
    watched = at()
    page = watched.open()
    watched.refine()
    page.wait_for_selector(".facet")
    row = ".facet-value:has(span:text-is('{}'))"
    for kind, count in KINDS.items():
        known = count + 2 * (kind == "photographs")
        assert page.inner_text(row.format(kind) + " >> small") == str(known)
    page.check(row.format("food") + " >> input")
    page.check(row.format("plants") + " >> input")
    watched.until("new URLSearchParams(location.search).has('f')")
    watched.settle()
    assert page.inner_text(".bar-told").startswith(f"{KINDS['food'] + KINDS['plants']} images")
    assert json.loads(asked(watched, "f") or "") == ["label", "in", ["food", "plants"]]
    assert page.inner_text(".refine-toggle") == "Refine (1)"
    page.click("summary:text-is('Width')")
    page.fill("[aria-label='Least Width']", "200")
    page.keyboard.press("Enter")
    watched.settle()
    assert page.inner_text(".state h2") == "No image fits"
    page.click("[aria-label^='Remove the filter Label']")
    page.wait_for_selector(".tile")
    watched.settle()
    assert page.inner_text(".bar-told").startswith("10 images")  # the photographs
    page.click(".chip")
    watched.settle()
    page.check("input[value=generated]", force=True)
    watched.settle()
    assert page.inner_text(".bar-told").startswith("1 image,")


def test_sql_is_for_experts_and_says_what_is_wrong(at: Open) -> None:
    watched = at()
    page = watched.open()
    watched.refine()
    page.click("text=Filter by SQL")
    page.fill("#where", "width > 400 AND label = 'photographs'")
    page.click(".sql button")
    page.wait_for_selector(".chip")
    watched.settle()
    assert 0 < len(watched.ids()) < 10
    with expected(watched, "422", "400"):
        page.fill("#where", "widht > 400")
        page.click(".sql button")
        page.wait_for_selector(".refine-error")
    assert "widht" in page.inner_text(".refine-error")
    assert "widht" in page.inner_text(".state h2")
    page.click(".state >> text=Remove all filters")
    page.wait_for_selector(".tile")


def test_groups_variety_and_order(at: Open) -> None:
    watched = at()
    cat = id_of(watched.open(), "cat.jpg")
    page = watched.open(f"/?like={cat}")
    watched.refine()
    page.select_option("#group", "label")
    page.wait_for_selector(".folded")
    watched.settle()
    assert len(watched.ids()) == len(KINDS) + 1
    slide(watched, "#diverse", 2)
    page.wait_for_selector(".notice.is-shown")
    watched.until("new URLSearchParams(location.search).get('diverse') === '0.5'")
    assert asked(watched, "group") is None
    watched.settle()
    assert page.input_value("#group") == "none"
    slide(watched, "#diverse", 0)
    page.select_option("#sort", "-width")
    watched.settle()
    widths = page.evaluate(
        "document.querySelector('vitrail-app').session.hits.map((hit) => hit.metadata.width)"
    )
    assert widths == sorted(widths, reverse=True)
    page.click("a.home")
    watched.settle()
    page.select_option("#sort", "random")
    watched.settle()
    drawn = watched.ids()
    assert drawn != sorted(drawn, reverse=True)
    page.reload()
    watched.settle()
    assert watched.ids()[:8] == drawn[:8]
