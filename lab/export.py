"""Export: a run to take away, as a zip file or a folder: its configuration, log, results and model, without checkpoints."""

import shutil
import zipfile
from pathlib import Path

from lab.errors import RunError, require
from lab.home import plain_words, publish
from lab.runs import Run

_TAKEN = ("config.json", "events.jsonl", "summary.json", "model")


def export(run: Run, target: Path) -> Path:
    """Copy a run to `target`: a zip file if its name ends in .zip, else a new folder. It appears when it is whole.

    Raises RunError while the run goes on, and for a folder that is there already.
    """
    require(not run.goes_on(), f"The run {run.id} is still going on. Stop it first, or wait.", RunError)
    require(not target.exists(), f"{target} is there already. Choose another name.", RunError)
    run.summary()  # a damaged run says so here
    with plain_words(f"write {target}"):
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.part")
    files = [
        path for name in _TAKEN for path in sorted([run.folder / name, *(run.folder / name).rglob("*")]) if path.is_file()
    ]
    try:
        with plain_words(f"write {target}"):
            if target.suffix == ".zip":
                _zip(run, files, draft)
                draft.replace(target)
            else:
                for path in files:
                    copy = draft / path.relative_to(run.folder)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, copy)
                publish(draft, target)
    finally:
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        draft.unlink(missing_ok=True)
    return target


def _zip(run: Run, files: list[Path], draft: Path) -> None:
    with zipfile.ZipFile(draft, "w") as archive:
        for path in files:
            packed = zipfile.ZIP_STORED if path.suffix == ".safetensors" else zipfile.ZIP_DEFLATED  # weights don't shrink
            archive.write(path, Path(run.id) / path.relative_to(run.folder), packed)
