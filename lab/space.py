"""Space: the lab as a Hugging Face Space. What is uploaded is what stands here: code, lessons, assets, README."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import hub
from lab.errors import ModelError, require

ROOT = Path(__file__).resolve().parent.parent
UPLOADED = ("app.py", "README.md", "LICENSE", "requirements.txt", "lab", "lessons", "assets")
_LEFT_OUT = ("__pycache__", ".pyc", ".ipynb_checkpoints")
_LARGEST = 500 * 2**20  # bytes of all files together; a Space takes 50 GB, this one is smaller by far


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be uploaded: path in the Space and bytes, and what is wrong with it."""

    files: tuple[tuple[str, int], ...]
    wrong: tuple[str, ...]

    @property
    def size(self) -> int:
        return sum(size for _, size in self.files)


def plan() -> Plan:
    """List and check what would be uploaded.

    >>> "app.py" in dict(plan().files)
    True
    """
    files = [
        path
        for name in UPLOADED
        for path in ([ROOT / name] if (ROOT / name).is_file() else sorted((ROOT / name).rglob("*")))
        if path.is_file() and not any(part in str(path.relative_to(ROOT)) for part in _LEFT_OUT)
    ]
    listed = tuple((path.relative_to(ROOT).as_posix(), path.stat().st_size) for path in files)
    return Plan(listed, tuple(_wrong(listed)))


def deploy(repo: str, *, hardware: str | None = None, token: str | None = None, private: bool = False) -> str:
    """Make the Space if there is none, and upload; returns its address. Raises ModelError for what the Hub refuses."""
    from huggingface_hub import HfApi
    from huggingface_hub.utils import HfHubHTTPError, HFValidationError

    require(repo.count("/") == 1 and all(repo.split("/")), f"{repo!r} is not USER/NAME. Give it as, say, ada/lab.")
    prepared = plan()
    require(not prepared.wrong, "This can't become a Space: " + " ".join(prepared.wrong), ModelError)
    require(hub.reachable(), "The Hub can't be reached from here. Connect, and deploy again.", ModelError)
    api = HfApi(token=token)
    options: dict[str, Any] = {"space_hardware": hardware} if hardware else {}
    try:
        address = api.create_repo(repo, repo_type="space", space_sdk="gradio", private=private, exist_ok=True, **options)
        api.upload_folder(
            repo_id=repo,
            repo_type="space",
            folder_path=ROOT,
            allow_patterns=[name for name, _ in prepared.files],
            commit_message="The Masked Language Lab",
        )
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        raise ModelError(f"The Hub refused {repo}: {hub.reason(error)}") from error
    return str(address)


def front_matter() -> dict[str, Any]:
    """What the README says to Spaces, read by huggingface_hub itself. Raises ModelError if it can't be read."""
    from huggingface_hub import SpaceCard

    try:
        return SpaceCard.load(ROOT / "README.md", ignore_metadata_errors=False).data.to_dict()
    except (ValueError, TypeError) as error:
        raise ModelError(f"README.md's front matter can't be read: {error}") from error


def _wrong(files: tuple[tuple[str, int], ...]) -> list[str]:
    """What would keep it from running as a Space, a sentence each."""
    names = dict(files)
    found = [f"{name} is missing." for name in UPLOADED if not any(f == name or f.startswith(f"{name}/") for f in names)]
    if sum(names.values()) > _LARGEST:
        found.append(f"The files come to {sum(names.values()) / 2**20:.0f} MB; {_LARGEST / 2**20:.0f} MB are allowed.")
    said = front_matter()
    if said.get("sdk") != "gradio" or said.get("app_file") != "app.py":
        found.append("README.md's front matter should have sdk: gradio and app_file: app.py.")
    if len(said.get("short_description", "")) > 60:
        found.append("README.md's short_description is longer than 60 characters.")
    return found
