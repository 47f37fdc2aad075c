"""The whole journey as a notebook runs from its first cell to its last."""

import nbformat
from nbclient import NotebookClient

from lessons.catalog import FOLDER


def test_the_notebook_runs_from_start_to_end(home, tmp_path):
    notebook = nbformat.read(FOLDER / "masked_language_lab.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are not kept: they are made where it runs"
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}).execute()
    said = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ()))
    assert "step 12: held-out perplexity" in said
    assert "of the selected pieces of split words leak" in said
    assert "This is a great [MASK]." in said
