"""Export: a run to take away. As a zip file or a folder: its configuration, log, results and model, without checkpoints.
As a script or a notebook: the lines that train it again.
"""

import shutil
import zipfile
from pathlib import Path

from lab.errors import RunError, require
from lab.home import plain_words, publish
from lab.reproduce import as_notebook, as_script
from lab.runs import Run

_TAKEN = ("config.json", "events.jsonl", "summary.json", "model")


def export(run: Run, target: Path) -> Path:
    """Take a run along to `target`, which appears when it is whole.

    A name that ends in .zip becomes a zip file, one in .py a script and one in .ipynb a notebook that do the run again, and
    any other a new folder. Raises RunError while the run goes on, and for a target that is there already.
    """
    require(not run.goes_on(), f"The run {run.id} is still going on. Stop it first, or wait.", RunError)
    run.summary()  # a damaged run says so here
    with plain_words(f"write {target}"):
        require(not target.exists(), f"{target} is there already. Choose another name.", RunError)
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.part")
    files = [
        path for name in _TAKEN for path in sorted([run.folder / name, *(run.folder / name).rglob("*")]) if path.is_file()
    ]
    try:
        with plain_words(f"write {target}"):
            match target.suffix.lower():
                case ".py":
                    draft.write_text(as_script(run), encoding="utf-8")
                case ".ipynb":
                    from nbformat import writes

                    draft.write_text(writes(as_notebook(run)), encoding="utf-8")
                case ".zip":
                    _zip(run, files, draft)
                case _:
                    _copy(run, files, draft)
            if draft.is_dir():
                publish(draft, target)
            else:
                draft.replace(target)
    finally:
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        draft.unlink(missing_ok=True)
    return target


def _copy(run: Run, files: list[Path], draft: Path) -> None:
    for path in files:
        copy = draft / path.relative_to(run.folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def _zip(run: Run, files: list[Path], draft: Path) -> None:
    with zipfile.ZipFile(draft, "w") as archive:
        for path in files:
            packed = zipfile.ZIP_STORED if path.suffix == ".safetensors" else zipfile.ZIP_DEFLATED  # weights don't shrink
            archive.write(path, Path(run.id) / path.relative_to(run.folder), packed)
