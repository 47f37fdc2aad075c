"""How long the lessons' handlers take on their default text, each asked for something new every time; idle, and while a run
trains. `python -m tests.benchmarks.handlers`

The 50th and the 95th percentile in ms, of the handler alone: what the browser and the network add isn't in it. Nobody
answers the closing quiz in no time, so the next one is asked for after a pause.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import datasets
import numpy as np

from lessons import bench
from lessons.be_the_model import page as be_the_model
from lessons.bench import Using
from lessons.chunking import page as chunking
from lessons.fill_mask import contrast
from lessons.fill_mask import page as fill_mask
from lessons.fill_mask.question import TEXT, TOP_K
from lessons.masking import own
from lessons.masking import page as masking
from lessons.masking.passages import FOUND, passage_of
from lessons.tokenization import page as tokenization
from tests.benchmarks import report

TIMES = 40
USING = Using()
DIALS = (15, 80, 10)
QUIZ = "7 quiz"
PAUSE = 2.0  # seconds before another quiz


def handlers() -> dict[str, Callable[[int], Any]]:
    """Name → what is asked for the i-th time."""
    text = tokenization.GIVEN
    frame, both, words = contrast.GIVEN
    answers = [{"picked": [0], "confidence": 1}]

    def play(i: int) -> Any:
        number = i + 1
        about = be_the_model._about(USING, number)
        return be_the_model.play(USING, number, SimpleNamespace(answers=answers, about=about))

    def hide(i: int) -> Any:
        passage = passage_of(USING, i % FOUND + 1, "")
        words = [i // FOUND, len(passage.words) - 1]  # one more than the time before, where the passage is the same
        return masking.hide(USING, i % FOUND + 1, "", SimpleNamespace(key=own.key_of(passage, USING.model), hidden=words))

    return {
        "1 an answer": play,
        "1 one probability": lambda i: be_the_model.one(USING, i % 98 + 1),
        "2 text": lambda i: tokenization.draw(USING, f"{text} {i}"),
        "2 second tokenizer": lambda i: tokenization.compare(USING, f"{text} {i}", tokenization.LEARNED, 512 + i),
        "2 questions": lambda i: tokenization.check(USING, i),
        "3 cut": lambda i: chunking.resize(USING, 64 + i, "document", "drop", 0),
        "3 over sizes": lambda i: chunking.over_sizes(USING, 64 + i, "document", "drop"),
        "3 questions": lambda i: chunking.check(USING, i),
        "4 another passage": lambda i: masking.show_passage(USING, i % FOUND + 1, ""),
        "4 draw": lambda i: masking.draw(USING, 1, "", "training", i + 1, *DIALS),
        "4 a thousand draws": lambda i: masking.redraw_often(USING, i % FOUND + 1, "", *DIALS),
        "4 hide a word": hide,
        "4 questions": lambda i: masking.check(USING, 1, "", *DIALS, i),
        "7 answers": lambda i: fill_mask.see_answers(USING, f"{TEXT} {i}", TOP_K, "together", ""),
        "7 left to right": lambda i: fill_mask.see_answers(USING, f"{TEXT} {i}", TOP_K, "left_to_right", ""),
        "7 three orders": lambda i: fill_mask.see_orders(USING, f"{TEXT} {i}", TOP_K, "together", ""),
        "7 two sentences": lambda i: fill_mask.see_contrast(USING, f"{frame} {i}", both, words),
        "7 questions": lambda i: fill_mask.see_check(USING, f"{TEXT} {i}", TOP_K, "together", "", i),
        QUIZ: lambda _: fill_mask.draw_quiz(USING),
    }


def measured(when: str, first: int = 0) -> None:
    for name, ask in handlers().items():
        took = []
        for i in range(first, first + TIMES):
            if name == QUIZ:
                time.sleep(PAUSE)
            began = time.perf_counter()
            ask(i)
            took.append(1000 * (time.perf_counter() - began))
        took = took[2:]  # the first ones load what is then kept
        report(when=when, handler=name, median_ms=float(np.median(took)), p95_ms=float(np.quantile(took, 0.95)))


def main(home: str) -> None:
    bench.warm_up()
    bench.wait_until_warm()
    for _ in tokenization.make_ready(USING, tokenization.GIVEN, tokenization.LEARNED, 2_048):
        pass
    measured("idle")
    train = [sys.executable, "-m", "lab", "train", "--preset", "quick", "--num-train-epochs", "20"]
    environment = os.environ | {"LAB_HOME": f"{home}/training", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(["nice", *train], env=environment, **silent) as training:
        time.sleep(25)  # until it takes steps
        measured("training", first=TIMES)
        assert training.poll() is None, "the training ended before the measuring did"
        training.terminate()


if __name__ == "__main__":
    datasets.disable_progress_bars()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["LAB_HOME"] = scratch
        main(scratch)
