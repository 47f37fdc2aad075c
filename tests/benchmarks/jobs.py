"""What a server feels of its runs: `python -m tests.benchmarks.jobs`.

How soon the first event of a run is there (warm, with a model that is not at hand, and as it would be without a worker that
waits); how long a trivial request takes meanwhile; how long a thousand finished runs take to list, and what they weigh.
"""

import http.client
import os
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil

from tests.benchmarks import report

ROOT = Path(__file__).resolve().parents[2]


def first_event(model: str) -> tuple[float, str]:
    """Seconds from asking for a run to its first event, with a worker waiting; the run goes on."""
    from lab import jobs
    from lab.config import preset
    from lab.log import read
    from lab.runs import get_run

    began = time.perf_counter()
    ticket = jobs.submit(preset("quick", model=model, num_train_epochs=20, max_test_chunks=16))
    while not read(get_run(ticket.run)).events:
        time.sleep(0.005)
    return time.perf_counter() - began, ticket.run


def end(run: str) -> None:
    from lab import jobs

    jobs.stop(run, jobs.administrator())
    while jobs.standing(run).state not in ("stopped", "finished"):
        time.sleep(0.05)


def wait_for_spare(desk) -> None:
    while desk._spare is None or not desk._spare.ready:
        time.sleep(0.05)
    time.sleep(3)  # it measures this computer first


def cold() -> float:
    """Seconds to the first event of a process that must import everything first."""
    script = "from lab.config import preset; from lab.training import fine_tune; next(iter(fine_tune(preset('quick'))))"
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", f"{script}; print('here', flush=True); import os; os._exit(0)"],
                               cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    took = time.perf_counter() - began
    process.kill()
    process.wait()
    return took


class Trivial(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


def latencies(port: int, seconds: float) -> list[float]:
    """Of trivial requests, fifty a second, in milliseconds."""
    took = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/")
        connection.getresponse().read()
        connection.close()
        took.append((time.perf_counter() - began) * 1000)
        time.sleep(0.02)
    return sorted(took)


def listing(count: int) -> None:
    """Seconds to list so many finished runs, and bytes of memory that each of them and each waiting one keeps."""
    from lab import jobs
    from lab.config import RunConfig
    from lab.events import Evaluated, Finished, RunStarted
    from lab.runs import create_run, list_runs

    for _ in range(count):
        run = create_run(RunConfig())
        started = RunStarted(
            step=0, seconds=0.0, run=run.id, model="bundled", corpus="reviews", said="Here.", device="cpu",
            precision="fp32", parameters=1, train_chunks=10, test_chunks=1, chunk_size=128, total_steps=100,
            steps_an_epoch=10, processes=1, fingerprint="abc", uniform=10.0, unigram=5.0,
        )  # fmt: skip
        score = Evaluated(step=1, seconds=1.0, epoch=1.0, perplexity=4.0, mean_nll=1.4, accuracy=0.5, positions=9)
        with run.writing() as writer:
            for event in (started, score, Finished(step=1, seconds=1.0, perplexity=4.0)):
                writer.append(event)

    def look() -> list:
        return [{"run": run.id, **run.summary(), "state": run.state()} for run in list_runs()]

    took = []
    for _ in range(5):
        began = time.perf_counter()
        found = look()
        took.append(time.perf_counter() - began)
    assert len(found) >= count
    del found
    before = psutil.Process().memory_info().rss
    for run in list_runs():
        jobs.standing(run.id)
    report(listed=count, seconds=min(took), bytes_kept_a_run=(psutil.Process().memory_info().rss - before) / count)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"LAB_HOME": folder, "HF_HUB_OFFLINE": "1"}
        from lab.jobs import Desk

        listing(1000)
        server = ThreadingHTTPServer(("127.0.0.1", 0), Trivial)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        report(cold_import_to_first_event_seconds=cold())
        idle = latencies(port, 5)
        with Desk() as desk:
            wait_for_spare(desk)
            warm, run = first_event("bundled")
            report(warm_first_event_seconds=warm)
            wait_for_spare(desk)  # past the start, and the import of the next worker
            busy = latencies(port, 10)
            end(run)
            wait_for_spare(desk)
            another, again = first_event(run)
            report(first_event_with_a_cold_model_seconds=another)
            end(again)
        for name, took in (("idle", idle), ("while_training", busy)):
            report(
                **{f"request_{name}_median_ms": took[len(took) // 2], f"request_{name}_p95_ms": took[int(0.95 * len(took))]}
            )


if __name__ == "__main__":
    main()
