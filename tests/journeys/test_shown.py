"""What results look like at a prompt and in a notebook."""

import importlib
import re
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from mlops import notebooks
from tests.journeys.conftest import ROOT

CELLS = (
    "import mlops\nfrom pipelines.samples import credit_risk\nloans = credit_risk(rows=600)",
    "mlops.profile(loans, 'outcome')",
    "mlops.run(loans, 'outcome', name='loans', trials=2, algorithms=['logistic'],\n"
    "          workers=1, engine='serial')",
    "mlops.explain('loans/1', budget='3s')",
    "mlops.check('loans/1', to='staging')",
    "mlops.promote('loans/1', to='staging')",
    "mlops.load('loans/1')",
)


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """What each cell of a notebook showed: its HTML, else None, and its text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
        place = {"metadata": {"path": str(tmp_path_factory.mktemp("book"))}}
        NotebookClient(book, timeout=600, resources=place).execute()
    shown = {}
    for cell in book.cells:
        for output in cell.outputs:
            if output["output_type"] == "execute_result":
                verb = re.match(r"mlops\.(\w+)", cell.source)[1]
                shown[verb] = output["data"].get("text/html"), output["data"]["text/plain"]
    return shown


@pytest.mark.parametrize(
    ("verb", "pictured", "told"),
    [
        ("profile", "Profile of", "D0"),
        ("run", "<td>logistic</td>", "rows it never saw: roc_auc"),
        ("explain", "srcdoc=", "lime local: exact"),
        ("check", "G007", "loans/1 would enter staging"),
        ("promote", "G008", "loans/1 is now in staging."),
    ],
)
def test_a_notebook_shows_a_page_and_a_prompt_a_few_lines(cells, verb, pictured, told):
    html, text = cells[verb]
    assert pictured in html
    assert told in text
    assert len(text) < 6_000


@pytest.mark.parametrize("kind", notebooks._FACES)
def test_every_face_is_that_of_a_result(kind):
    module, _, name = kind.partition(":")
    assert isinstance(getattr(importlib.import_module(module), name), type)


def test_results_have_no_face_where_no_notebook_runs():
    assert "IPython" not in sys.modules or sys.modules["IPython"].get_ipython() is None
