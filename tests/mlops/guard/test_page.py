"""MLflow's own page in a real browser: what it shows of a version, and a click that is refused."""

from __future__ import annotations

import shutil

import pytest

from tests.browser import CHROMIUM, Browser, still
from tests.mlops.guard.conftest import House

if CHROMIUM is None:
    pytest.skip(
        "chromium is not installed: MLflow's page was NOT clicked", allow_module_level=True
    )


@pytest.fixture
def page(template, tmp_path):
    """The page of a challenger that is worse than the champion."""
    shutil.copy(template, tmp_path / "mlflow.db")
    house = House(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path)
    for score in (0.9, 0.5):
        house.promote(house.register(score=score).ref, "staging")
    house.promote("risk/1", "production")
    with house.served():
        browser = Browser(tmp_path / "chromium")
        try:
            browser.open(f"{house.url}/#/models/risk/versions/2")
            browser.wait_for("document.body.innerText.includes('risk/2')", seconds=240)
            yield house, browser
        finally:
            browser.close()
    house.close()


def test_a_click_shows_the_verdict_and_moves_nothing(page):
    house, browser = page
    text = browser.text()
    for told in ("staging · classification", "roc_auc\t0.5", "G002 signature", "shap report"):
        assert told in text
    before = house.shown()
    said = "document.body.innerText.includes('{}')".format
    pencil = (
        "[data-component-id*='alias'], button[title*='alias' i], button[aria-label*='alias' i]"
    )
    box = "[role=dialog] .du-bois-light-select-selector, [role=dialog] input[role=combobox]"
    # A second press on the pencil would close a dialog that only flies in slowly.
    browser.click(pencil, until=still(box))
    browser.click(box, until="document.activeElement.tagName === 'INPUT'")
    browser.type("production")
    browser.type("", enter=True)
    browser.wait_for(said("is also being used on version 1"))
    browser.click("button", "Save aliases", until=said("was not promoted"))
    assert "the champion risk/1 has 0.9" in browser.text()
    assert house.shown() == before
