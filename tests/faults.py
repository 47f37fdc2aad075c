"""Kill servers and workers at random moments, and see what becomes of the runs: `python -m tests.faults --kills 200`.

Real servers, real workers, real runs of a small model. After each kill, no run may claim to go on that doesn't. At the end
every run that was ever finished must still be, with the same model, every other one that has a checkpoint must come to its
end when resumed, and one more that nobody kills must come to its end by itself: all on the curve of a run that nobody
disturbed. The report is printed; the exit code is 0 if nothing was lost and nobody lied.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ("worker", "server", "both", "server, worker survives")
ENDED = ("finished", "stopped", "failed", "interrupted")
TOLD_WITHIN = 3.0  # seconds in which a living desk, or the next one, must have noticed a death


@dataclass
class Report:
    kills: Counter = field(default_factory=Counter)
    moments: Counter = field(default_factory=Counter)  # what the run was at when it was hit
    finished: dict[str, str] = field(default_factory=dict)  # run → what it had come to, model and all
    liars: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    astray: list[str] = field(default_factory=list)  # resumed runs off the curve of the undisturbed one
    stuck: list[str] = field(default_factory=list)
    resumed: int = 0

    @property
    def good(self) -> bool:
        return not (self.liars or self.lost or self.astray or self.stuck)


def prepare_home() -> list[dict]:
    """A small model, a small corpus, and the settings of two short runs."""
    import torch
    from transformers import DistilBertConfig, DistilBertForMaskedLM

    from lab.config import RunConfig
    from lab.home import home
    from lab.model import load_tokenizer
    from lab.runs import create_run

    torch.manual_seed(0)
    tokenizer = load_tokenizer("bundled")
    run = create_run(RunConfig())
    shape = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "vocab_size": len(tokenizer)}
    DistilBertForMaskedLM(DistilBertConfig(**shape)).save_pretrained(run.model)
    tokenizer.save_pretrained(run.model)
    run.log.touch()
    text = "The {0} of {1} was a wonderful film, but the unforgettable ending number {0} made {1} cry."
    corpus = home() / "films.txt"
    corpus.write_text("\n\n".join(text.format(i, name) for i in range(8) for name in ("Ada", "Bo", "Cy", "Di", "Ed")))
    common = {
        "model": run.id, "corpus": str(corpus), "chunk_size": 16, "max_train_chunks": 40, "warmup_steps": 0,
        "per_device_train_batch_size": 8, "learning_rate": 1e-3, "precision": "fp32", "device": "cpu",
        "probes": ["The [MASK] of Ada."], "save_steps": 3,
    }  # fmt: skip
    return [common | {"num_train_epochs": epochs, "seed": epochs} for epochs in (6, 12)]


class Server:
    """A process with a desk in it, as a web server has."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", "import time; from lab.jobs import Desk; Desk().open(); time.sleep(1e6)"]
        self.process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def workers() -> list[psutil.Process]:
    """The living workers of this home."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mine = "lab.worker" in process.cmdline() and process.environ().get("LAB_HOME") == os.environ["LAB_HOME"]
            if mine and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def trained_by(run) -> psutil.Process | None:
    """The process that trains a run, looked up without the locks that the lab itself goes by."""
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        mark = json.loads((run.folder / "worker.json").read_text())
        process = psutil.Process(mark["pid"])
        return process if mark["name"] in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE else None
    return None


def result_of(run) -> str:
    """All that a finished run has come to, in a few digits."""
    digest = hashlib.sha256((run.model / "model.safetensors").read_bytes())
    digest.update(repr(run.summary()["perplexity"]).encode())
    return digest.hexdigest()[:16]


def losses(run) -> list[tuple[int, float]]:
    from lab.events import Stepped
    from lab.story import curve

    return [(event.step, event.loss) for event in curve(run.events()) if isinstance(event, Stepped)]


class Trial:
    def __init__(self, settings: list[dict], seed: int) -> None:
        self.settings, self.random = settings, random.Random(seed)
        self.report = Report()
        self.runs: dict[str, tuple[int, str]] = {}  # run → which settings, token
        self.server = Server()

    def submit(self) -> str:
        from lab import jobs
        from lab.config import preset

        which = self.random.randrange(len(self.settings))
        ticket = jobs.submit(preset("quick", **self.settings[which]))
        self.runs[ticket.run] = (which, ticket.token)
        return ticket.run

    def standings(self) -> dict[str, str]:
        from lab import jobs

        return {run: jobs.standing(run).state for run in self.runs if run not in self.report.finished}

    def note_finished(self) -> None:
        from lab.runs import get_run

        for run, state in self.standings().items():
            if state == "finished":
                self.report.finished[run] = result_of(get_run(run))

    def reference(self) -> list[list[tuple[int, float]]]:
        """The curves of undisturbed runs."""
        from lab import jobs
        from lab.config import preset
        from lab.runs import get_run

        tickets = [jobs.submit(preset("quick", **settings)) for settings in self.settings]
        curves = []
        for ticket in tickets:
            assert list(jobs.follow(ticket.run))[-1].step > 0
            curves.append(losses(get_run(ticket.run)))
        return curves

    def strike(self) -> None:
        """One kill, at a moment of chance: seven in ten wait for a run to be on its way first."""
        from lab import jobs
        from lab.errors import RunError

        aimed = self.random.random() < 0.7
        until = time.monotonic() + 120
        while aimed and time.monotonic() < until and "running" not in self.standings().values():
            time.sleep(0.02)
        time.sleep(self.random.random() * (1.2 if aimed else 4))
        self.note_finished()
        busy = [run for run, state in self.standings().items() if state in ("starting", "running")]
        if busy and self.random.random() < 0.2:
            with contextlib.suppress(RunError):  # it may just have ended
                jobs.stop(busy[0], self.runs[busy[0]][1])
            self.report.moments["and asked to stop"] += 1
            time.sleep(self.random.random() * 0.2)
        target = self.random.choice(TARGETS)
        living = workers()
        if target == "worker" and not living:
            target = "server"
        if target != "worker":
            self.server.kill()
        if target in ("worker", "both"):
            for process in [self.random.choice(living)] if target == "worker" else living:
                with contextlib.suppress(psutil.Error):
                    process.kill()
        self.report.kills[target] += 1
        self.report.moments["a run going on" if busy else "no run going on"] += 1
        if target != "worker":
            time.sleep(self.random.random() * 0.5)
            self.server = Server()

    def look_for_liars(self) -> None:
        """Whoever claims to go on must have a process, a moment after the kill at the latest."""
        from lab import jobs
        from lab.runs import get_run

        until = time.monotonic() + TOLD_WITHIN
        while True:
            claiming = [run for run, state in self.standings().items() if state in ("starting", "running", "stopping")]
            lying = [run for run in claiming if trained_by(get_run(run)) is None and get_run(run).state() == "running"]
            for run, state in self.standings().items():
                if state in ("failed", "interrupted") and not jobs.standing(run).reason:
                    lying.append(f"{run} ended without a reason")
            if not lying:
                return
            if time.monotonic() > until:
                self.report.liars += lying
                return
            time.sleep(0.05)

    def resume_some(self) -> None:
        from lab import jobs

        for run, state in self.standings().items():
            if (
                state in ("failed", "interrupted", "stopped")
                and jobs.standing(run).resumable
                and self.random.random() < 0.5
            ):
                jobs.resume(run, self.runs[run][1])
                self.report.resumed += 1

    def bring_to_an_end(self, curves: list[list[tuple[int, float]]]) -> None:
        """Without more kills, every run ends: the interrupted ones are resumed, and one that begins now needs nobody."""
        from lab import jobs
        from lab.runs import get_run

        undisturbed = self.submit()
        until = time.monotonic() + 120 + 30 * len(self.runs)
        while waiting := {run: state for run, state in self.standings().items() if state != "finished"}:
            self.note_finished()
            for run, state in waiting.items():
                if state in ENDED and jobs.standing(run).resumable:
                    jobs.resume(run, self.runs[run][1])
                    self.report.resumed += 1
            if all(state in ENDED and not jobs.standing(run).resumable for run, state in waiting.items()):
                break  # killed before their first checkpoint: they have said so, and can't go on
            if time.monotonic() > until:
                ends = {run: jobs.standing(run) for run in waiting}
                self.report.stuck += [
                    f"{run} is {now.state}: {now.reason}"
                    for run, now in ends.items()
                    if now.state not in ENDED or now.resumable
                ]
                break
            time.sleep(0.1)
        self.note_finished()
        if undisturbed not in self.report.finished:
            self.report.stuck.append(f"{undisturbed}, which nobody killed, is {jobs.standing(undisturbed).state}")
        for run, result in self.report.finished.items():
            found = get_run(run)
            if found.state() != "finished" or result_of(found) != result:
                self.report.lost.append(run)
            expected = curves[self.runs[run][0]]
            told = losses(found)
            if [step for step, _ in told] != [step for step, _ in expected] or any(
                abs(a - b) > 1e-5 for (_, a), (_, b) in zip(told, expected, strict=True)
            ):
                self.report.astray.append(run)


def trial(kills: int, seed: int) -> Report:
    from lab import queue

    test = Trial(prepare_home(), seed)
    try:
        curves = test.reference()
        began = time.monotonic()
        while sum(test.report.kills.values()) < kills:
            while len(queue.entries()) < 2:
                test.submit()
            test.strike()
            test.look_for_liars()
            test.resume_some()
            done = sum(test.report.kills.values())
            if done % 10 == 0:
                took = time.monotonic() - began
                print(f"{done} kills in {took:.0f} s, {len(test.report.finished)} finished", file=sys.stderr, flush=True)
        test.bring_to_an_end(curves)
    finally:
        test.server.kill()
        for process in workers():
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
    said = Path(os.environ["LAB_HOME"]) / "desk.log"
    if said.exists() and (text := said.read_text()):
        print(f"The desk said:\n{text[-4000:]}", file=sys.stderr)
    return test.report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    home = tempfile.mkdtemp(prefix="lab-faults-")
    os.environ |= {
        "LAB_HOME": home,
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": f"{home}/hub",
        "LAB_MAX_QUEUE": "none",
        "LAB_NICE": os.environ.get("LAB_NICE", "0"),
    }
    try:
        report = trial(options.kills, options.seed)
    finally:
        if sys.exc_info()[0] is None:
            shutil.rmtree(home, ignore_errors=True)
    print(
        json.dumps(
            {name: getattr(report, name) for name in ("kills", "moments", "resumed", "liars", "astray", "lost", "stuck")}
            | {"finished": len(report.finished), "good": report.good},
            indent=2,
        )
    )
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
