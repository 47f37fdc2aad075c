"""The live run: one component that follows a run as it trains. The page asks again and again; the server remembers nothing.

The cursor, a line number of the run's log, lives in the browser. An answer says from which line on it is; the page takes it
in only if that is where it stands, so answers that get lost, doubled or overtaken do no harm. See `assets/live.js`.
"""

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal

import gradio as gr

from lab import jobs
from lab.errors import LabError, RunError, require
from lab.events import Evaluated, Event, Failed, Finished, Probed, RunStarted, Stepped, Stopped
from lab.jobs import Standing
from lab.log import read
from lab.recordings import made_on, recording, recordings
from lab.runs import Run
from lab.story import curve
from lab.thinning import thin
from lessons import bench
from lessons.components.runs import STRATEGIES
from lessons.visitor import visitor

MOST = 3_600  # bytes of news in one answer; with all that stands round them it stays below 5 kB
LONG = 600  # lines that a page may be behind; beyond that it is first given a thinned picture of the whole
POINTS = 400  # of the training loss in that picture
LOOKS = 24  # probes in it
ENDED = ("finished", "stopped", "failed", "interrupted")
Strategy = Literal["token", "whole_word"]


def live_run() -> gr.HTML:
    """The component. Its events: `turned` (another run is shown, or it began or ended) and `point` (a step was chosen)."""
    return gr.HTML(
        None,
        html_template='<div class="live" aria-busy="true"></div>',
        js_on_load="lab.live({element, trigger, server}, ['turned', 'point']);",
        server_functions=[poll_run, change_run],
        elem_id="live-run",
        apply_default_css=False,
    )


def sentences_place() -> gr.HTML:
    """Where the live run draws its probe sentences and their time-lapse."""
    return gr.HTML(
        None,
        html_template='<div class="live-place"></div>',
        js_on_load="lab.livePlace(element);",
        elem_id="live-sentences",
        apply_default_css=False,
    )


# What a page asks for, again and again ------------------------------------------------------------------------------------


def poll_run(asked: Any) -> dict[str, Any]:
    """[run, line] → where the run stands, and what its log says behind that line, as much of it as goes into one answer."""
    try:
        name, line = _asked(asked)
        recorded = recording(name)
        run = recorded or bench.run_of(name)
        # Asked first: what is in the log of a run that has ended is all there will be.
        now = _recorded(name) if recorded else jobs.standing(name)
        answer = _news(run, line)
        if line == 0:
            answer["about"] = about(run)
    except LabError as error:
        return {"run": asked[0] if isinstance(asked, list) and asked else None, "gone": str(error)}
    has_model = now.state in ENDED and run.model.is_dir()
    standing = {"state": now.state, "words": said(now), "resumable": now.resumable, "model": has_model}
    return {"run": name, "from": line, **answer, "standing": standing}


def _recorded(name: str) -> Standing:
    return Standing(name, "recording", None, None, None, None, False)


def _asked(asked: Any) -> tuple[str, int]:
    """What was asked for, which anyone can send. Raises RunError."""
    match asked:
        case [str(name), int(line)] if 0 <= line < 2**53:
            return name, line
    raise RunError("There is no such run. Its link may be incomplete.")


def _news(run: Run, line: int) -> dict[str, Any]:
    tail = read(run, line)
    if tail.lines - line > LONG:
        upto = tail.lines - tail.lines % 100  # so that thirty pages that open the same run share one picture
        return {"next": upto, "lines": tail.lines, "snapshot": True, "events": _snapshot(run, upto)}
    fitting = _fitting(tail.events)
    if fitting < len(tail.events):
        tail = read(run, line, fitting)
    return {"next": tail.next, "lines": tail.lines, "events": _compacted(tail.events)}


def _fitting(events: Iterable[Event]) -> int:
    """How many of these fit into one answer; one at least."""
    count, room = 0, MOST
    for event in events:
        news = compact(event)
        room -= len(json.dumps(news, ensure_ascii=False).encode()) if news else 0
        if room < 0 and count:
            break
        count += 1
    return count


def _compacted(events: Iterable[Event]) -> list[list[Any]]:
    return [news for event in events if (news := compact(event))]


@lru_cache(maxsize=32)
def _snapshot(run: Run, upto: int) -> list[list[Any]]:
    """The story so far in few points: every one a point of the run's own."""
    events: list[Event] = []
    line = 0
    while line < upto:
        tail = read(run, line, min(5_000, upto - line))
        if tail.next == line:
            break
        events += tail.events
        line = tail.next
    story = curve(events)
    steps = [each for each in story if isinstance(each, Stepped)]
    losses = thin([(each.step, each.loss) for each in steps], POINTS)
    kept = {step for step, _ in losses}
    scores = thin([(each.step, each.mean_nll) for each in story if isinstance(each, Evaluated)], POINTS // 4)
    scored = {step for step, _ in scores}
    looks = [each.step for each in story if isinstance(each, Probed)]
    looked = {looks[i * (len(looks) - 1) // (LOOKS - 1)] for i in range(LOOKS)} if len(looks) > LOOKS else set(looks)
    chosen = [
        each
        for each in story
        if (isinstance(each, Stepped) and (each.step in kept or each is steps[-1]))
        or (isinstance(each, Evaluated) and each.step in scored)
        or (isinstance(each, Probed) and each.step in looked)
        or isinstance(each, RunStarted | Finished | Stopped | Failed)
    ]
    return _compacted(chosen)


def compact(event: Event) -> list[Any] | None:
    """What the picture needs of an event, in few bytes; None if nothing."""
    match event:
        case RunStarted():
            return [
                "started",
                event.step,
                {
                    "total": event.total_steps,
                    "epoch": event.steps_an_epoch,
                    "uniform": math.log(event.uniform),
                    "unigram": math.log(event.unigram),
                    "said": event.said,
                },
            ]
        case Stepped():
            pace = [round(event.tokens_per_second), round(event.eta_seconds), round(event.seconds)]
            return ["step", event.step, round(event.loss, 4), *pace]
        case Evaluated():
            return ["score", event.step, round(event.mean_nll, 5), round(event.accuracy, 4)]
        case Probed():
            return ["probe", event.step, [[[word, round(p, 3)] for word, p in answers] for _, answers in event.fills]]
        case Finished() | Stopped() | Failed():
            return ["end", event.step]
    return None


def about(run: Run) -> dict[str, Any]:
    """What is to be known of a run from its settings: shown to whoever has its link, so no path of this computer."""
    config = run.config()
    chosen = config.optimization
    other = {"token": "whole_word", "whole_word": "token"}[config.masking.strategy]
    return {
        "words": [
            f"recording {run.id}" if recording(run.id) else f"run {run.id.rpartition('-')[2]}",
            STRATEGIES[config.masking.strategy],
            f"learning rate {chosen.learning_rate:g}",
            f"{corpus_of(config.data.corpus)}, {model_of(config.model)}",
        ],
        "probes": list(config.probes),
        "twin": STRATEGIES[other],
    }


def corpus_of(corpus: str) -> str:
    """A run's corpus in a few words."""
    return {"reviews": "bundled reviews", "imdb": "IMDB"}.get(corpus, "an own file")


def model_of(model: str) -> str:
    """The model that a run began from, in a few words."""
    if model == "bundled":
        return "small DistilBERT"
    return model.partition("/")[2] or f"run {model.rpartition('-')[2]}"


# States in words ----------------------------------------------------------------------------------------------------------


def said(now: Standing) -> str:
    """Where a run stands, in a sentence or two."""
    reason = f" {sentence(now.reason)}" if now.reason else ""
    again = " It can go on from its last checkpoint." if now.resumable else ""
    match now.state:
        case "waiting":
            return _waiting(now) + reason
        case "starting":
            return "Starting: model and corpus are being loaded."
        case "running":
            return "Training."
        case "stopping":
            return "Stopping after the step it is at; the model so far is kept."
        case "finished":
            return "Finished."
        case "recording":
            return "A recording: this was trained elsewhere, and its model is not here."
        case state:
            return f"{state.capitalize()}.{reason}{again}"


def _waiting(now: Standing) -> str:
    if now.expected_start is None:
        return "Waiting."
    before = (now.position or 1) - 1
    place = "It is next" if before == 0 else f"{before} other{'s wait' if before > 1 else ' waits'} before it"
    begins = "begins at once" if now.expected_start < 2 else f"is expected to begin in {span(now.expected_start)}"
    takes = f", and then takes {span(now.expected_seconds)}" if now.expected_seconds else ""
    return f"Waiting in the queue. {place}; it {begins}{takes}."


def span(seconds: float) -> str:
    """About how long, in words.

    >>> span(1.2), span(8.4), span(95), span(4000), span(200_000)
    ('about 1 second', 'about 8 seconds', 'about 1½ minutes', 'about 1.1 hours', 'about 2.3 days')
    """
    if seconds < 55:
        return f"about {max(1, round(seconds))} second{'' if round(seconds) <= 1 else 's'}"
    if seconds < 55 * 60:
        whole, half = divmod(round(seconds / 30), 2) if seconds < 285 else (round(seconds / 60), 0)
        return f"about {whole}{'½' if half else ''} minute{'' if (whole, half) == (1, 0) else 's'}"
    if seconds < 36 * 3600:
        hours = round(seconds / 3600, 1)
        return f"about {hours:g} hour{'' if hours == 1 else 's'}"
    return f"about {seconds / 86400:.1f} days"


def sentence(text: str) -> str:
    """A reason as a sentence: a capital, and a full stop.

    >>> sentence("stopped when asked to")
    'Stopped when asked to.'
    """
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


# What an owner may do -----------------------------------------------------------------------------------------------------


def change_run(asked: Any, request: gr.Request) -> dict[str, Any]:
    """[what, run, token] → {"said": sentence, "ok": whether it was done}, and for a twin its id and token."""
    given = asked if isinstance(asked, list) and len(asked) == 3 else []
    what, run, token = given if all(isinstance(each, str) and len(each) < 200 for each in given) and given else ("", "", "")
    try:
        require(what in _CHANGES, "There is nothing of that kind to be done with a run.", RunError)
        return {"ok": True, **_CHANGES[what](run, token, request)}
    except LabError as error:
        return {"ok": False, "said": str(error)}


def _stop(run: str, token: str, _request: gr.Request) -> dict[str, Any]:
    jobs.stop(run, token)
    return {"said": "It stops after the step it is at."}


def _resume(run: str, token: str, _request: gr.Request) -> dict[str, Any]:
    jobs.resume(run, token)
    return {"said": "Back in the queue; it goes on from its last checkpoint."}


def _delete(run: str, token: str, _request: gr.Request) -> dict[str, Any]:
    jobs.delete(run, token)
    return {"said": "Deleted, with all that it had made."}


def _twin(run: str, token: str, request: gr.Request) -> dict[str, Any]:
    """The same run with the other strategy: only for whoever owns it, for it reads the same text."""
    require(jobs.owns(run, token), f"Only whoever started the run {run} may train its twin.", RunError)
    config = bench.run_of(run).config()
    other: Strategy = "whole_word" if config.masking.strategy == "token" else "token"
    twin = replace(config, masking=replace(config.masking, strategy=other))
    ticket = jobs.submit(twin, visitor=visitor(request))
    return {
        "said": f"Its twin is in the queue: the same run, with {STRATEGIES[other]}.",
        "run": ticket.run,
        "token": ticket.token,
    }


_CHANGES: dict[str, Callable[[str, str, gr.Request], dict[str, Any]]] = {
    "stop": _stop,
    "resume": _resume,
    "delete": _delete,
    "twin": _twin,
}


# A browser's own runs -----------------------------------------------------------------------------------------------------


def own_runs(names: Iterable[str], shown: str) -> dict[str, Any]:
    """The block that lists a browser's own runs, newest first, to open or delete; `shown` is the one on the page."""
    rows: list[dict[str, Any]] = []
    for name in reversed(list(names)):
        try:
            run, now = bench.run_of(name), jobs.standing(name)
            perplexity = run.summary().get("perplexity") if now.state in ENDED else None
            words = about(run)["words"][1:]
        except LabError as error:
            rows.append({"run": name, "gone": str(error)})
            continue
        reached = f", held-out perplexity {perplexity:.1f}" if perplexity else ""
        note = f"{', '.join(words)}: {now.state}{reached}"
        label = f"Run {name.rpartition('-')[2]}"
        rows.append({"run": name, "label": label, "note": note, "shown": name == shown, "ended": now.state in ENDED})
    return {"type": "own_runs", "rows": rows}


def recorded_runs() -> dict[str, Any]:
    """The block that lists the recordings, each with the hardware that it was made on."""
    rows = []
    for run in recordings():
        summary, words = run.summary(), about(run)["words"]
        reached = f"perplexity {summary['perplexity_before']:.1f} → {summary['perplexity']:.1f}, {summary['steps']:,} steps"
        note = f"{', '.join(words[1:])}: {reached}. {made_on(run)}"
        rows.append({"run": run.id, "label": f"Recording “{run.id}”", "note": note, "shown": False, "ended": False})
    return {"type": "own_runs", "rows": rows}
