"""The HTML report: what it says, that it asks for nothing, and, in a real browser, that it answers to hand and eye."""

import re
from pathlib import Path
from typing import Any

import pytest

from search.evidence import weigh
from search.gains import transfer_matrix
from search.html_report import views, write_html
from search.results import Results
from tests.search.test_gains import result, units_of
from tests.search.test_report import COST

SCORES = {
    "none": [(60, 50), (62, 50), (61, 53)],
    "mnli": [(60, 80), (61, 79), (62, 81)],
    "squad_v1": [(30, 50), (32, 51), (31, 49)],
}


def results() -> Results:
    trials = [
        result(recipe, 0.1, dev=1.0, target=target, scores={"en": english, "de": german}, seed=seed,
               history=[{"step": 1, "steps": 2, "examples": 5, "loss": 1.0, "dev": 40.0 + seed}], chain_seconds=1800.0)
        for target in ("xnli", "pawsx")
        for recipe, of in SCORES.items()
        for seed, (english, german) in enumerate(of)
    ]  # fmt: skip
    trials.append(result("mnli", 0.2, dev=0.5, scores={}, state="stopped early"))
    space = {"name": "small", "model": "<b>tiny</b>", "recipes": list(SCORES), "targets": ["xnli", "pawsx"],
             "source": "world", "evaluation": {}}  # fmt: skip
    return weigh(Results("small-1", space, trials, COST), units_of)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = results()
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_html(found, transfer_matrix(found), {"python": "3.99", "cores": 1024}, path)
    return path


def test_it_says_where_the_sweep_ran_and_not_where_it_is_read(page: Path) -> None:
    assert "3.99" in page.read_text(encoding="utf-8") and "1024" in page.read_text(encoding="utf-8")


def test_every_recipe_has_a_cell_in_every_view() -> None:
    found = results()
    made = views(found, transfer_matrix(found))
    assert [(view.scope, view.target) for view in made[:4]] == [
        ("target", ""), ("language", "xnli"), ("family", "xnli"), ("script", "xnli"),
    ]  # fmt: skip
    assert [row["recipe"] for row in made[0].rows] == list(SCORES)
    by_language = made[1]
    assert by_language.columns == ["en English", "de German"]
    english, german = by_language.rows[0]["cells"]
    assert (english["mark"], german["mark"]) == ("○", "▲")
    assert "95%" in german["tip"] and "helps" in german["spoken"]
    assert float(german["depth"]) > float(english["depth"])


def test_the_page_asks_for_nothing_and_lets_nothing_in(page: Path) -> None:
    text = page.read_text()
    asked = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)|url\(([^)]*)\)|@import""", text)
    assert all((one or other).startswith("#") for one, other in asked)
    assert "<b>tiny" not in text and "&lt;b&gt;tiny&lt;/b&gt;" in text


def test_the_page_says_what_it_cost_and_what_to_run(page: Path) -> None:
    text = page.read_text()
    assert "stopover run small.yaml" in text
    assert "device hours" in text and "0.5" in text
    assert text.count("<svg") == 2  # a picture per target
    assert "classification" in text and "oracle per target" in text
    assert "0 of 3" in text and "gain of the best" in text


def test_in_a_browser_the_toggles_and_hover_work_and_nothing_is_asked_for(browser: Any, page: Path) -> None:
    sheet = browser.new_page(viewport={"width": 1100, "height": 900})
    errors: list[str] = []
    requests: list[str] = []
    sheet.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    sheet.on("pageerror", lambda error: errors.append(str(error)))
    sheet.on("request", lambda request: requests.append(request.url))
    sheet.goto(page.as_uri())
    shown = sheet.locator(".view:visible")
    assert shown.count() == 1 and shown.first.get_attribute("data-scope") == "target"
    sheet.locator("td.gain:visible").first.hover()
    assert "95%" in sheet.locator("#tip").inner_text()
    sheet.check("input[value=language]")
    assert (shown.count(), shown.first.get_attribute("data-target")) == (1, "xnli")
    sheet.select_option("select[name=target]", "pawsx")
    assert shown.first.get_attribute("data-target") == "pawsx"
    sheet.keyboard.press("Tab")  # into the table's frame, and on to its first cell
    sheet.keyboard.press("Tab")
    assert "pawsx" in (sheet.evaluate("document.activeElement.getAttribute('aria-label')") or "")
    assert errors == [] and requests == [page.as_uri()]


def test_on_a_phone_nothing_but_tables_is_wider_than_the_screen(browser: Any, page: Path) -> None:
    sheet = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
    sheet.goto(page.as_uri())
    assert sheet.evaluate("document.documentElement.scrollWidth") <= 390
    assert sheet.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
