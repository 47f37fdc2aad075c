"""The commands that the README gives, to be tried one by one."""

import re
import shlex
from pathlib import Path

TEXT = (Path(__file__).resolve().parents[1] / "README.md").read_text()


def commands(begin: str) -> list[list[str]]:
    """Every command in the README's blocks that begins so, as words, without that beginning."""
    blocks = re.findall(r"```(?:bash|sh)\n(.*?)```", TEXT, re.DOTALL)
    lines = (line.strip() for line in "\n".join(blocks).splitlines())
    return [shlex.split(line.removeprefix(begin), comments=True) for line in lines if line.startswith(f"{begin} ")]


def needs_the_hub(command: list[str]) -> bool:
    """Whether a command of `python -m lab` fetches from the Hub, or sends to it."""
    return command[0] in ("push", "deploy") or bool({"tutorial", "full"} & {*command})
