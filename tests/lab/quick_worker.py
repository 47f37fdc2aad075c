"""A worker without torch, up in half a second. All of it is real but the training, which does what the corpus' name says.

steps        100 steps of 20 ms, then the end; it looks whether it is to stop after each
deaf         the same, but it never looks
wedged       it never begins
broken       it breaks down at step 3, with a word of explanation
"""

import signal
import sys
import time

from lab import worker
from lab.events import Evaluated, Finished, RunStarted, Stepped, Stopped
from lab.log import step_of


def train(run, state):
    corpus = run.config().data.corpus
    if corpus == "wedged":
        signal.pause()
    first = step_of(run)
    common = {"epoch": 0.0, "learning_rate": 0.1, "grad_norm": None, "scored": 5, "tokens_per_second": 100.0}
    with run.writing() as writer:
        writer.append(
            RunStarted(
                step=first, seconds=0.0, run=run.id, model="bundled", corpus=corpus, said="Here.", device="cpu",
                precision="fp32", parameters=1, train_chunks=10, test_chunks=1, chunk_size=128, total_steps=100,
                steps_an_epoch=10, processes=1, fingerprint="abc", uniform=10.0, unigram=5.0,
            )
        )  # fmt: skip
        state.began = True
        score = {"epoch": 0.0, "perplexity": 4.0, "mean_nll": 1.4, "accuracy": 0.5, "positions": 9}
        writer.append(Evaluated(step=first, seconds=0.1, **score))
        for step in range(first + 1, 101):
            time.sleep(0.02)
            writer.append(Stepped(step=step, seconds=step * 0.02, loss=1.0, eta_seconds=(100 - step) * 0.02, **common))
            if corpus == "broken" and step == 3:
                sys.exit("Something gave way.")
            if corpus != "deaf" and (run.asked_to_stop() or state.stop.is_set()):
                (run.folder / f"checkpoint-{step}").mkdir()
                writer.append(Stopped(step=step, seconds=step * 0.02, reason=run.asked_to_stop() or "stopped"))
                return 0
        writer.append(Finished(step=100, seconds=2.0, perplexity=4.0))
    return 0


if __name__ == "__main__":
    worker._warm_up = lambda: iter(())
    worker._train = train
    sys.exit(worker.main())
