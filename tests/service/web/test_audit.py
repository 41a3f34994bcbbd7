"""An audit from the page: what it says, the pairs looked at, refusals, and who can use it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.service.web.conftest import PHONE, WIDE, Open, Watched, expected
from tests.service.web.examples import HOSTILE
from tests.service.web.painted import COPIED, LEARNT, copied, serving
from tests.service.web.test_access import violations
from tests.service.web.test_safety import unharmed

if TYPE_CHECKING:
    from playwright.sync_api import Page

ASKED = "generated=label+%3D+%27made%27&against=label+%3D+%27learnt%27&pixels=0&planted=4"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service of images half of whose made ones are copies."""
    home = tmp_path_factory.mktemp("audit")
    with serving(home, copied(home / "images")) as address:
        yield address


def audited(watched: Watched) -> Page:
    """The view, with the audit done by whoever was first."""
    page = watched.open(f"/audit?{ASKED}")
    if not page.locator(".audit.done, .audit .working").count():
        page.click(".sets-form .button.main")
    page.wait_for_selector(".audit.done")
    return page


def test_an_audit_is_asked_for_and_told_as_the_command_tells_it(opening: Open, own: str) -> None:
    watched = opening(own)
    page = watched.open()
    page.click("nav >> text=Audit")
    page.wait_for_selector(".sets-form")
    assert "innocent images do" in page.inner_text(".state")
    page.click(".sets-form .button.main")
    page.wait_for_selector("[role=alert]")
    assert "no image fulfils 'generated'" in page.inner_text("[role=alert]")
    page.fill("input[list=audit-offered] >> nth=0", "label = 'made'")
    page.fill("input[list=audit-offered] >> nth=1", "label = 'learnt'")
    page.click("text=More options")
    page.uncheck(".audit-more input[type=checkbox]")
    page.fill(".audit-planted", "4")
    page.click(".sets-form .button.main")
    page.wait_for_selector(".audit.done")
    assert f"{COPIED} of 10 images reach the line" in page.inner_text(".audit-verdict")
    assert page.get_attribute(".audit-verdict", "class") == "audit-verdict is-told"
    told = page.inner_text(".audit-told")
    assert f"10 images against {LEARNT}, by mean@1" in told
    assert "up to 1.65% of new ones reach the line of 1%" in told
    assert "Pixels were not compared" in told
    job = page.request.get(f"{own}/v1/jobs?kind=audit").json()["jobs"][0]
    found = page.request.get(f"{own}/v1/jobs/{job['id']}/result").json()
    (line, rarer) = found["measures"]["relative"]["lines"]
    rows = page.locator(".told-table >> nth=0 >> tbody tr").all_inner_texts()
    assert rows[0].split("\t")[0] == "1%"
    assert rows[0].split("\t")[2].startswith(f"{line['above']}: 50%")
    assert "needs 999 innocent images" in rows[1]
    assert rarer["score"] is None
    assert page.locator(".roc polyline").count() == 3
    assert f"area {found['measures']['relative']['auc']['mean']:.3f}" in page.inner_text(".roc")
    address = page.url
    page.click(".audit-facts a >> nth=0")
    page.wait_for_selector(".one-side.done")
    page.go_back()
    page.wait_for_selector(".audit.done")
    assert page.url == address
    jobs = page.request.get(f"{own}/v1/jobs?kind=audit").json()["jobs"]
    assert [one["state"] for one in jobs] == ["done", "failed"], "done once more"


def test_pairs_are_looked_at_by_keys(opening: Open, own: str) -> None:
    watched = opening(own, theme="dark")
    page = audited(watched)
    pairs = page.locator(".audit-pair")
    assert pairs.count() == 10
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("li:nth-child(2) > .audit-pair.is-chosen")
    second, copied_ = page.locator(".audit-facts dd a").all_inner_texts()
    label = pairs.nth(1).get_attribute("aria-label") or ""
    assert label.startswith(f"{second}, which may copy {copied_}: ")
    assert "&at=" in page.url
    page.reload()
    page.wait_for_selector("li:nth-child(2) > .audit-pair.is-chosen")
    page.keyboard.press("2")
    page.wait_for_selector(".is-flicker")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("li:nth-child(1) > .audit-pair.is-chosen")
    first, second = page.eval_on_selector_all(
        ".audit-facts dd a", "all => all.map((one) => one.pathname.split('/')[2])"
    )
    closer = f"/compare?a={first}&b={second}"
    assert page.get_attribute(".audit-facts a.button", "href") == closer
    failed = '{"code": "failed", "detail": "no patches to compare"}'
    page.route("**/v1/compare-images?*", lambda route: route.fulfill(status=500, body=failed))
    with expected(watched, "500"):
        page.keyboard.press("o")
        page.wait_for_selector(".compare [role=alert]")
    assert page.url == own + closer


def test_what_cannot_be_audited_is_told_with_its_remedy(opening: Open, own: str) -> None:
    watched = opening(own)
    page = watched.open("/audit?generated=width+%3E+1&against=width+%3E+1&pixels=0")
    page.click(".sets-form .button.main")
    page.wait_for_selector("[role=alert]")
    assert "let the filters exclude one another" in page.inner_text("[role=alert]")


@pytest.mark.parametrize(
    ("size", "theme"),
    [
        pytest.param(WIDE, "light", id="wide-light"),
        pytest.param(PHONE, "dark", id="phone-dark"),
        pytest.param(WIDE, "dark", id="wide-dark", marks=pytest.mark.slow),
        pytest.param(PHONE, "light", id="phone-light", marks=pytest.mark.slow),
    ],
)
def test_everybody_can_audit(opening: Open, own: str, size: tuple[int, int], theme: str) -> None:
    watched = opening(own, size, theme)
    page = audited(watched)
    name = f"{HOSTILE}{LEARNT + 9}.png"
    bad = page.locator(".audit-pair").evaluate_all(
        "(all, name) => all.findIndex((one) => one.ariaLabel.startsWith(name))", name
    )
    page.click(f".audit-pairs li:nth-child({bad + 1}) button")
    watched.until(f"document.querySelector('.audit-facts dd').innerText === {json.dumps(name)}")
    unharmed(watched)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
