"""How soon the page is served: `python app.py` against an app with nothing in it, in turn.

python -m tests.benchmarks.startup
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.benchmarks import report

ROOT = Path(__file__).resolve().parents[2]
EMPTY = """
import os, sys
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
import gradio as gr
with gr.Blocks() as app:
    pass
app.launch(server_port=int(sys.argv[1]), ssr_mode=False)
"""


def first_byte(command: list[str], port: int, home: str) -> float:
    """Seconds from the start of a command until its page is served."""
    environment = os.environ | {"LAB_HOME": home, "LAB_PORT": str(port), "HF_HUB_OFFLINE": "1"}
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=5) as answer:
                    answer.read(1)
                return time.perf_counter() - began
            except OSError:
                time.sleep(0.01)
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def main(rounds: int = 5) -> None:
    empty, lab = [], []
    with tempfile.TemporaryDirectory() as home:
        for _ in range(rounds + 1):
            port = free_port()
            empty.append(first_byte([sys.executable, "-c", EMPTY, str(port)], port, home))
            port = free_port()
            lab.append(first_byte([sys.executable, "app.py"], port, home))
    ratios = [ours / bare for ours, bare in zip(lab[1:], empty[1:], strict=True)]  # the first round warms the disk's cache
    report(
        empty_seconds=statistics.median(empty[1:]), lab_seconds=statistics.median(lab[1:]), ratio=statistics.median(ratios)
    )


if __name__ == "__main__":
    main()
