"""Fine-tune: a forecast, a run in a process of its own, and its two curves read rightly."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from lab import jobs
from lab.errors import LabError, RunError, require
from lab.recordings import recording
from lessons import bench
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.live_run import live_run, own_runs, recorded_runs, sentences_place
from lessons.components.page import LessonPage
from lessons.components.runs import STRATEGIES
from lessons.components.view import view
from lessons.fine_tuning import calm, exercises, forecast, form, look
from lessons.fine_tuning.code import drawer
from lessons.visitor import visitor

LESSON = "fine-tuning"


class Page(LessonPage):
    """The page of `lesson.md`."""

    def slot_form(self) -> None:
        with gr.Column(elem_classes="card"):
            with gr.Row(elem_classes="controls"):
                self.presets = {
                    name: gr.Button(name.capitalize(), elem_id=f"fine-tuning-{name}", scale=0, min_width=110)
                    for name in form.PRESETS
                }
            self.preset_told = view(form.described())
            self.controls: dict[str, Any] = {}
            with gr.Row(elem_classes="controls"):
                for each in sorted((each for each in form.settings() if each.name in form.OPEN), key=form.place):
                    self.controls[each.name] = form.control(each)

    def slot_everything(self) -> None:
        for group, title in form.GROUPS.items():
            gr.Markdown(f"### {title}", elem_classes="prose")
            with gr.Row(elem_classes="controls"):
                for each in form.settings():
                    if form.group_of(each) == group and each.name not in form.OPEN:
                        self.controls[each.name] = form.control(each)

    def slot_expected(self) -> None:
        self.expected = view()

    def slot_now(self) -> None:
        self.now = view()

    def slot_forecast(self) -> None:
        self.forecast = view()

    def slot_start(self) -> None:
        gates = [f"after-prediction-{LESSON}-{name}" for name in ("perplexity", "probe", "unspent")]
        with gr.Row(elem_classes=["controls", *gates]):
            self.run = gr.Button("Run", variant="primary", elem_id="fine-tuning-run", scale=0, min_width=160)
        self.told = view([])

    def slot_live(self) -> None:
        self.live = live_run()
        self.shown = gr.Textbox(visible="hidden", elem_id="fine-tuning-shown")

    def slot_sentences(self) -> None:
        sentences_place()

    def slot_after_the_run(self) -> None:
        self.after = view([])

    def slot_look(self) -> None:
        self.look = view([])

    def slot_dropout(self) -> None:
        self.dropout = view([calm.question()])

    def slot_compare(self) -> None:
        with gr.Row(elem_classes="controls"):
            self.compare = gr.Button("Score it both ways", elem_id="fine-tuning-compare", scale=0, min_width=220)
            self.stop_comparing = gr.Button("Stop", variant="stop", interactive=False, scale=0)
        self.compared = view([])

    def slot_check(self) -> None:
        self.check = view()

    def slot_code(self) -> None:
        self.code = view()

    def slot_mine(self) -> None:
        self.mine = view()

    def slot_recordings(self) -> None:
        view([recorded_runs()])

    def settings(self) -> dict[str, Any]:
        controls = self.controls
        return {
            "strategy": controls["strategy"],
            "learning_rate": controls["learning_rate"],
            "epochs": controls["num_train_epochs"],
            "steps": controls["max_steps"],
            "run": self.shown,
        }

    def connect(self) -> None:
        values = [self.controls[each.name] for each in form.settings()]
        for name, button in self.presets.items():
            self.on(button.click, partial(fill, name=name), [], [self.preset_told, *values])
        self.when_opened(expect, values, [self.expected])
        self.when_opened(now, [], [self.now], heavy=True)
        changed = partial(gr.on, [each.change for each in values])
        self.on(changed, expect, values, [self.expected], in_order=True)
        self.on(changed, revise, [self.shown, *values], [self.forecast, self.code], in_order=True)
        self.on(self.run.click, start, values, [self.told])
        drawn = [self.mine, self.shown, self.forecast, self.after, self.check, self.code]
        self.on(self.live.turned, turned, values, drawn)
        self.on(self.live.point, point, [], [self.look])
        self.on_request(self.compare.click, compare, [self.shown], [self.compared, self.dropout], self.stop_comparing)


def fill(_using: Using, *, name: str) -> tuple[Any, ...]:
    """A preset into the form."""
    told, values = form.filled(name)
    return told, *values


def expect(using: Using, *values: Any) -> list[Block]:
    """What a run of these settings would take."""
    return form.expected(form.read(using, values))


def now(using: Using) -> Iterator[list[Block]]:
    """Where the model in use stands."""
    yield from forecast.now(using)


def revise(using: Using, shown: str, *values: Any) -> tuple[Any, ...]:
    """What is asked beforehand, and the code, after the settings have changed."""
    try:
        config = form.read(using, values)
    except LabError:  # told where the time is told
        return gr.skip(), gr.skip()
    run = bench.run_of(shown) if shown else None
    return [forecast.questions(config, run)], gr.skip() if run else [drawer(config)]


def start(using: Using, request: gr.Request, *values: Any) -> list[Block]:
    """Ask for the run."""
    config = form.read(using, values)
    if using.model not in ("bundled", *bench.hub.MODELS):
        bench.run_of(using.model)
    ticket = jobs.submit(config, visitor=visitor(request))
    name = f"{STRATEGIES[config.masking.strategy]}, learning rate {config.optimization.learning_rate:g}"
    return [
        {"type": "started", "run": ticket.run, "token": ticket.token, "name": name},
        blocks.did(LESSON, "forecast"),
    ]


def turned(using: Using, event: gr.EventData, *values: Any) -> tuple[Any, ...]:
    """Another run is shown, or it has begun or ended: draw what depends on that."""
    name = getattr(event, "run", "")
    if not isinstance(name, str) or not name:
        config = form.read(using, values)
        waiting = blocks.say("The questions are about your run. They come when it has ended.", tone="quiet")
        return [own_runs(using.runs, "")], None, [forecast.questions(config)], [], [waiting], [drawer(config)]
    if recorded := recording(name):
        config = form.read(using, values)
        told = blocks.say("The questions are about runs of yours: a recording keeps no model to be asked.", tone="quiet")
        asked = [forecast.questions(config)]
        return [own_runs(using.runs, "")], None, asked, [], [told], [drawer(recorded.config())]
    run = bench.run_of(name)
    state = jobs.standing(name).state
    return (
        [own_runs(using.runs, name)],
        name,
        [forecast.questions(run.config(), run)],
        forecast.after(run, now_state=state),
        exercises.questions(run),
        [drawer(run.config(), run)],
    )


def point(_using: Using, event: gr.EventData) -> list[Block]:
    """A step was chosen on the curve."""
    name, step, page, token = (getattr(event, each, None) for each in ("run", "step", "page", "token"))
    if not (isinstance(name, str) and isinstance(token, str) and isinstance(step, int) and isinstance(page, int)):
        raise RunError("There is no such step. Click on a point of the curve.")
    run = bench.run_of(name)
    look.check_may_read(run, token)
    return look.step_read(run, step, page)


def compare(_using: Using, shown: str | None) -> Iterator[tuple[list[Block], list[Block]]]:
    """The last batch of the run on the page, with dropout and without."""
    require(
        bool(shown),
        "There is no run of yours on this page. Train one first, or show one that you have: a recording keeps no model.",
        RunError,
    )
    yield from calm.score(bench.run_of(str(shown)))
