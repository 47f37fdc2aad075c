"""A bare GPU box: torch, transformers, datasets, accelerate, numpy and what they bring are enough to import and to train.

And the imports run one way: no module of `lab` reaches the pages or what they are made of.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What a bare box may lack. (psutil, PyYAML, filelock, pyarrow and tokenizers come with accelerate, datasets, transformers.)
ABSENT = (
    "gradio",
    "gradio_client",
    "lessons",
    "app",
    "plotly",
    "rich",
    "nbformat",
    "scipy",
    "matplotlib",
    "pytest",
    "hypothesis",
)

BLOCK = f"""
import sys
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = staticmethod(
    lambda name, path=None, target=None: None if name.partition(".")[0] in {ABSENT!r} else find(name, path, target)
)
"""

FIGURES = ("lab.plots", "lab.corpus_plots")

ALL = """
import importlib, pkgutil, lab
names = sorted(module.name for module in pkgutil.walk_packages(lab.__path__, "lab."))
"""


def alone(script: str, home: Path | str = "") -> subprocess.CompletedProcess:
    """Run a script in a fresh interpreter."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)} | ({"LAB_HOME": str(home)} if home else {})
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)


def test_no_module_of_lab_reaches_the_pages():
    done = alone(f"""{ALL}
for name in names:
    if name != "lab.__main__":
        importlib.import_module(name)
import sys, json
print(json.dumps(sorted(name for name in sys.modules if name.partition(".")[0] in ("gradio", "lessons", "app"))))
""")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_plotly_is_imported_only_where_figures_are_made_and_rich_only_where_something_is_drawn():
    done = alone(f"""{ALL}
for name in names:
    if name not in {FIGURES!r}:
        importlib.import_module(name)
import sys
print({{name.partition(".")[0] for name in sys.modules}} & {{"plotly", "nbformat"}}, "lab.plots" in sys.modules)
""")
    assert done.stdout.strip() == "set() False", done.stderr


def test_everything_but_the_figures_is_imported_on_a_bare_box():
    done = alone(f"""{BLOCK}{ALL}
for name in names:
    if name not in {FIGURES!r}:
        importlib.import_module(name)
print(len(names))
""")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30


TINY = ["--device", "cpu", "--precision", "fp32", "--max-train-chunks", "16", "--max-test-chunks", "4", "--max-steps", "1"]


def command(arguments: list[str], home: Path) -> subprocess.CompletedProcess:
    return alone(f"{BLOCK}\nfrom lab.__main__ import main\nsys.exit(main({arguments!r}))", home)


def test_a_bare_box_trains_scores_and_fills(home):
    done = command(["train", *TINY, "--chunk-size", "32", "--json"], home)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told[-1]["event"] == "Finished"
    done = command(["fill", "--model", told[0]["run"], "A great [MASK].", "--json"], home)
    assert done.returncode == 0, done.stderr
    scored = ["evaluate", "--model", told[0]["run"], "--max-test-chunks", "4", "--chunk-size", "32", "--json"]
    assert command(scored, home).returncode == 0


def test_where_nothing_can_be_drawn_one_sentence_says_so_before_anything_starts(home):
    for arguments in (["train", *TINY], ["tokenize", "A film."]):
        done = command(arguments, home)
        assert done.returncode == 1
        assert done.stderr.strip() == (
            "Tables and progress are drawn by rich, which isn't installed. Install rich, or add --json."
        )
    assert not (home / "runs").exists()
