"""Perplexity: from one piece's surprise to the number, what the number hides, and whether a lower one is a better model."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from lessons import bench, scoring
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.page import LessonPage
from lessons.components.view import view
from lessons.perplexity import code, exercises, gain, held_out, passage, runs
from lessons.perplexity.text import CHUNKS, FEWEST, MOST, passage_of, text_of
from lessons.scoring import Job, Subject

PASSAGES = CHUNKS
FIRST = 1  # of the bundled reviews, one that begins with easy and hard pieces in turn


class Page(LessonPage):
    """The page of `lesson.md`."""

    def slot_passage(self) -> None:
        with gr.Column(elem_classes="card"):
            with gr.Row(elem_classes="controls"):
                self.number = gr.Slider(
                    1,
                    PASSAGES,
                    value=FIRST,
                    step=1,
                    label="Passage",
                    info="A chunk of held-out text, with the frozen masks it is scored under.",
                    elem_id="perplexity-passage",
                )
                self.pieces = gr.Slider(
                    1,
                    200,
                    value=1,
                    step=1,
                    label="Scored pieces added up",
                    info="Move on piece by piece, and watch the sum.",
                    elem_id="perplexity-pieces",
                )
            self.passage = view()

    def slot_prediction(self) -> None:
        self.prediction = view()

    def slot_held_out(self) -> None:
        with gr.Column(elem_classes="card"):
            with gr.Row(elem_classes="controls"):
                self.chunks = gr.Slider(
                    FEWEST,
                    MOST,
                    value=CHUNKS,
                    step=8,
                    label="Held-out chunks",
                    info="More take longer and make every number below steadier. All parts of this lesson use as many.",
                    elem_id="perplexity-chunks",
                )
                self.score = gr.Button("Score them", variant="primary", elem_id="perplexity-score", scale=0)
                self.stop_scoring = gr.Button("Stop", variant="stop", interactive=False, scale=0)
            self.scoring = view([])
            self.outcome = view([])

    def slot_epochs(self) -> None:
        with gr.Column(elem_classes="card"):
            self.run = gr.Textbox("", visible=False)
            self.epochs = view()

    def slot_gain(self) -> None:
        self.change = gr.Textbox("", visible=False)
        with gr.Column(elem_classes="card"):
            self.choice = view()
        with gr.Column(elem_classes="card"):
            gr.Markdown(
                "### The noise meter\n"
                f"Score both models under {gain.DRAWS} draws of the masks. Nothing changes but the dice.",
                elem_classes="prose",
            )
            with gr.Row(elem_classes="controls"):
                self.redraw = gr.Button("Redraw the masks", elem_id="perplexity-redraw", scale=0, min_width=240)
                self.stop_redrawing = gr.Button("Stop", variant="stop", interactive=False, scale=0)
            self.redrawing = view([])
            self.noise = view([])
        with gr.Column(elem_classes="card"):
            gr.Markdown(
                "### The paired test\n"
                "Give both models the same frozen masks, take the difference at each place, and ask how far the answer "
                "hangs on which documents were held out.",
                elem_classes="prose",
            )
            with gr.Row(elem_classes="controls"):
                self.test = gr.Button("Test it", variant="primary", elem_id="perplexity-test", scale=0)
                self.stop_testing = gr.Button("Stop", variant="stop", interactive=False, scale=0)
            self.testing = view([])
            self.verdict = view([])

    def slot_check(self) -> None:
        self.check = view()

    def slot_code(self) -> None:
        self.code = view()

    def slot_runs(self) -> None:
        self.runs = view()

    def slot_twins(self) -> None:
        self.pair = gr.Textbox("", visible=False)
        self.pairs = view()
        with gr.Row(elem_classes="controls"):
            self.score_twins = gr.Button(
                "Score them both ways", elem_id="perplexity-twins", visible=False, scale=0, min_width=240
            )
            self.stop_twins = gr.Button("Stop", variant="stop", interactive=False, visible=False, scale=0)
        self.scoring_twins = view([])
        self.two_by_two = view([])

    def settings(self) -> dict[str, Any]:
        return {
            "passage": self.number,
            "pieces": self.pieces,
            "chunks": self.chunks,
            "run": self.run,
            "change": self.change,
            "twins": self.pair,
        }

    def connect(self) -> None:
        shown = [self.number, self.pieces]
        self.when_opened(read, shown, [self.passage, self.pieces])
        self.on(self.number.input, read, shown, [self.passage, self.pieces])
        self.on(self.pieces.input, add, shown, [self.passage])
        self.on(self.passage.pick, add_to, [self.number], [self.passage, self.pieces])

        scored = [self.scoring, self.prediction, self.outcome]
        self.when_opened(scored_before, [self.chunks], [self.prediction, self.outcome])
        for event in (self.prediction.commit, self.score.click):
            self.on_request(event, score, [self.chunks], scored, self.stop_scoring)

        self.when_opened(show_epochs, [self.run], [self.epochs])
        self.on(self.epochs.pick, choose_run, [], [self.epochs, self.run])

        change = [self.change, self.chunks]
        looked_at = [self.choice, self.change, self.noise, self.verdict]
        self.when_opened(show_change, change, looked_at)
        picked = self.on(self.choice.pick, choose_change, [self.chunks], looked_at)
        self.on_request(self.redraw.click, redraw, change, [self.redrawing, self.noise], self.stop_redrawing)
        asked = [self.number, *change]
        tested = self.on_request(self.test.click, test, change, [self.testing, self.verdict], self.stop_testing)
        for event in (self.opener.open, self.number.input, self.chunks.input, picked.then, tested.then):
            self.on(event, check, asked, [self.check])
        for event in (self.opener.open, self.number.input, self.chunks.input):
            self.on(event, show_code, [self.number, self.chunks], [self.code])

        self.when_opened(show_runs, [], [self.runs])
        twins = [self.pairs, self.pair, self.two_by_two, self.score_twins, self.stop_twins]
        self.when_opened(show_twins, [self.pair, self.chunks], twins)
        self.on(self.pairs.pick, choose_twins, [self.chunks], twins)
        both = [self.scoring_twins, self.two_by_two]
        self.on_request(self.score_twins.click, score_twins, [self.pair, self.chunks], both, self.stop_twins)


# One passage ------------------------------------------------------------------------------------------------------------


def _passage(using: Using, number: Any) -> tuple[Any, Any, int, Any]:
    """The text, what is held out of it, the row of a passage by its number, and the passage."""
    text = text_of(using)
    sample = text.held_out(CHUNKS)
    row = (bench.whole(number, 1, PASSAGES, FIRST) - 1) % len(sample.chunks)
    return text, sample, row, passage_of(Subject(using.model), sample, row)


def read(using: Using, number: float, pieces: float) -> tuple[list[Block], Any]:
    """A passage, added up so far, and the slider that fits it."""
    found = _passage(using, number)[-1]
    if not found.scored:
        return [blocks.say("No piece of this passage was selected to be scored. Take another one.")], gr.skip()
    added = bench.whole(pieces, 1, len(found.scored), 1)
    return passage.picture(found, added), gr.Slider(maximum=max(2, len(found.scored)), value=added)


def add(using: Using, number: float, pieces: float) -> list[Block]:
    """The same, because the learner goes on adding."""
    drawn, _ = read(using, number, pieces)
    return [*drawn, blocks.did("perplexity", "add")]


def add_to(using: Using, number: float, event: gr.EventData) -> tuple[list[Block], Any]:
    """Add up as far as the piece that was chosen."""
    drawn, slider = read(using, number, getattr(event, "pieces", 1))
    return [*drawn, blocks.did("perplexity", "add")], slider


# The held-out text ------------------------------------------------------------------------------------------------------


def _jobs(using: Using, chunks: Any) -> tuple[Any, list[Job]]:
    text = text_of(using)
    return text, [Job(Subject(using.model), text.held_out(_chunks(chunks)))]


def _chunks(chunks: Any) -> int:
    return bench.whole(chunks, FEWEST, MOST, CHUNKS)


def scored_before(using: Using, chunks: float) -> tuple[list[Block], list[Block]]:
    """The prediction, and what is known of its outcome already."""
    text, jobs = _jobs(using, chunks)
    found = scoring.kept(jobs)
    if found is None:
        return [held_out.prediction(None)], [blocks.say("The outcome stands here when they are scored.", tone="quiet")]
    return [held_out.prediction(found[0])], held_out.outcome(text, jobs[0].held_out, found[0])


def score(using: Using, chunks: float) -> Iterator[tuple[Any, ...]]:
    """Score the held-out text with the model in use."""
    text, jobs = _jobs(using, chunks)
    for progress in scoring.score_all(jobs):
        if progress.done < progress.of:
            yield blocks.waiting(progress.words), gr.skip(), gr.skip()
    (found,) = progress.found
    done = [blocks.did("perplexity", "predict"), blocks.did("perplexity", "score")]
    outcome = held_out.outcome(text, jobs[0].held_out, found)
    yield [], [held_out.prediction(found)], [*outcome, *done]


# Epoch by epoch ---------------------------------------------------------------------------------------------------------


def show_epochs(using: Using, run: str) -> list[Block]:
    """A run as it learned."""
    return runs.epochs(using, run)


def choose_run(using: Using, event: gr.EventData) -> tuple[list[Block], str]:
    """Another run."""
    name = str(getattr(event, "run", ""))[:100]
    return runs.epochs(using, name), name


# Is this gain real? -----------------------------------------------------------------------------------------------------


def show_change(using: Using, name: str, chunks: float) -> tuple[list[Block], str, list[Block], list[Block]]:
    """The change that is looked at, and what is known of it already."""
    change = gain.chosen(using, name)
    picture = gain.choice(using, change)
    text = gain.text_for(using, change)
    sample = text.held_out(_chunks(chunks))
    pair = scoring.kept(gain.paired_jobs(change, sample))
    draws = scoring.kept(gain.redrawn_jobs(change, sample))
    return (
        picture,
        change.name,
        [] if draws is None else gain.noise(change, text, sample, draws),
        [] if pair is None else gain.verdict(change, text, sample, *pair),
    )


def choose_change(using: Using, chunks: float, event: gr.EventData) -> tuple[list[Block], str, list[Block], list[Block]]:
    """Another change."""
    return show_change(using, str(getattr(event, "change", ""))[:100], chunks)


def redraw(using: Using, name: str, chunks: float) -> Iterator[tuple[Any, ...]]:
    """Score both models under several draws of the masks; the picture grows with each."""
    change = gain.chosen(using, name)
    text = gain.text_for(using, change)
    sample = text.held_out(_chunks(chunks))
    drawn = -1
    for progress in scoring.score_all(gain.redrawn_jobs(change, sample)):
        if progress.done < progress.of:
            fresh, drawn = len(progress.found) != drawn, len(progress.found)
            picture = gain.noise(change, text, sample, progress.found) if fresh else gr.skip()
            yield blocks.waiting(progress.words), picture
    yield [], gain.noise(change, text, sample, progress.found)


def test(using: Using, name: str, chunks: float) -> Iterator[tuple[Any, ...]]:
    """Score both models on the same masks, and compare."""
    change = gain.chosen(using, name)
    text = gain.text_for(using, change)
    sample = text.held_out(_chunks(chunks))
    for progress in scoring.score_all(gain.paired_jobs(change, sample)):
        if progress.done < progress.of:
            yield blocks.waiting(progress.words), gr.skip()
    yield [], gain.verdict(change, text, sample, *progress.found)


def check(using: Using, number: float, name: str, chunks: float) -> list[Block]:
    """The questions, once there is a test to ask about."""
    change = gain.chosen(using, name)
    found = scoring.kept(gain.paired_jobs(change, gain.text_for(using, change).held_out(_chunks(chunks))))
    if found is None:
        return [
            blocks.say("Three questions come here when you have put a change to the test: one is about your own result.")
        ]
    return [exercises.questions(_passage(using, number)[-1], change, *found)]


def show_code(using: Using, number: float, chunks: float) -> list[Block]:
    """The lines that make the numbers."""
    text, sample, row, found = _passage(using, number)
    return [code.drawer(text, using.model, sample, row, found, _chunks(chunks))]


# Several runs -----------------------------------------------------------------------------------------------------------


def show_runs(using: Using) -> list[Block]:
    """The learner's runs, side by side."""
    return runs.side_by_side(using)


def show_twins(using: Using, name: str, chunks: float) -> tuple[Any, ...]:
    """The twins among them, and what is known of the chosen pair."""
    pair = runs.chosen_pair(runs.pairs(using), name)
    there = gr.Button(visible=pair is not None)
    if pair is None:
        return runs.twins(using, name), "", [], there, gr.Button(visible=False)
    jobs = runs.twin_jobs(pair, _chunks(chunks))
    found = scoring.kept(jobs)
    known = [] if found is None else runs.two_by_two(pair, found, jobs)
    return runs.twins(using, name), pair.token.id, known, there, gr.Button(visible=True, interactive=False)


def choose_twins(using: Using, chunks: float, event: gr.EventData) -> tuple[Any, ...]:
    """Another pair."""
    return show_twins(using, str(getattr(event, "pair", ""))[:100], chunks)


def score_twins(using: Using, name: str, chunks: float) -> Iterator[tuple[Any, ...]]:
    """Score each twin both ways."""
    pair = runs.chosen_pair(runs.pairs(using), name)
    if pair is None:
        yield runs.twins(using, name), gr.skip()
        return
    jobs = runs.twin_jobs(pair, _chunks(chunks))
    for progress in scoring.score_all(jobs):
        if progress.done < progress.of:
            yield blocks.waiting(progress.words), gr.skip()
    yield [], runs.two_by_two(pair, progress.found, jobs)
