"""The docs say what the code does: every command, setting, error, journey."""

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("pages", Path(__file__).with_name("pages.py"))
pages = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(pages)


@pytest.mark.parametrize("name", pages.PAGES)
def test_a_reference_page_is_what_the_code_says(name):
    written = (ROOT / "docs" / "reference" / name).read_text()
    assert written == pages.PAGES[name](), "run: python tests/house/pages.py"


def test_every_command_shows_an_example():
    for part in pages.commands().split("\n## ")[2:]:
        words = part.split("\n", 1)[0]
        if "COMMAND [ARGS]" not in part:
            assert f"Example: {words.split(' ', 1)[0]}" in part, words


TOUR = (ROOT / "docs" / "tour.md").read_text()


@pytest.mark.parametrize(
    "address", sorted(set(re.findall(r"`((?:mlops|pipelines|registry)\.[\w.]+)`", TOUR)))
)
def test_the_tour_names_only_what_exists(address):
    module, _, name = address.rpartition(".")
    assert hasattr(importlib.import_module(module), name)


def test_a_journey_in_the_tour_passes_at_most_six_files():
    for journey in TOUR.split("\n## ")[1:-1]:
        files = {
            address.rpartition(".")[0]
            for address in re.findall(r"^\d+\. `([\w.]+)`", journey, re.M)
        }
        assert 0 < len(files) <= 6, journey.splitlines()[0]


LINKS = [
    (page.relative_to(ROOT), link)
    for page in [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "mlflow-server").glob("*.md"),
    ]
    for link in re.findall(r"\]\(([^)#\s]+)", page.read_text())
    if "://" not in link
]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_a_link_between_pages_leads_somewhere(page, link):
    assert (ROOT / page.parent / link).exists()
