"""Fill the mask: two models side by side, blanks in three orders, two sentences, a probe, and the closing quiz."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from lab.errors import LabError
from lessons import bench
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.page import LessonPage
from lessons.components.view import view
from lessons.fill_mask import code, contrast, exercises, kitchen, models, push, quiz, so_what, summary
from lessons.fill_mask.question import (
    EXAMPLES,
    LONGEST,
    MOST_BLANKS,
    MOST_SHOWN,
    ORDERS,
    TEXT,
    TOP_K,
    Question,
    answers,
    orders,
)

LESSON = "fill-mask"


class Page(LessonPage):
    """The page of `lesson.md`."""

    def slot_kitchen(self) -> None:
        self.prediction = view()

    def slot_kitchen_answers(self) -> None:
        with gr.Column(elem_classes="card"):
            self.kitchen = view()

    def slot_question(self) -> None:
        with gr.Column(elem_classes="card"):
            self.choice = view()
            self.text = gr.Textbox(
                TEXT,
                label="Your question",
                info=f"Any text with [MASK] where a word is to be guessed: up to {MOST_BLANKS} blanks, {LONGEST:,} "
                "characters.",
                lines=2,
                max_lines=6,
                elem_id="fill-mask-text",
            )
            with gr.Row(elem_classes=["controls", "fill-mask-examples"]):
                self.examples = {
                    text: gr.Button(name, size="sm", scale=0, min_width=130, elem_id=f"fill-mask-example-{i}")
                    for i, (name, text) in enumerate(EXAMPLES.items())
                }
            with gr.Row(elem_classes="controls"):
                self.order = gr.Radio(
                    list(ORDERS.items()), value="together", label="Several blanks are asked for", elem_id="fill-mask-order"
                )
                self.top_k = gr.Slider(
                    1, MOST_SHOWN, value=TOP_K, step=1, label="Answers a model and blank", elem_id="fill-mask-top-k"
                )
                self.targets = gr.Textbox(
                    label="Only these words",
                    info="Parted by commas. Empty for the most probable ones.",
                    max_length=300,
                    elem_id="fill-mask-targets",
                )
            self.answers = view(elem_classes="fill-mask-columns")

    def slot_orders(self) -> None:
        with gr.Column(elem_classes="card"):
            self.orders = view()

    def slot_contrast(self) -> None:
        frame, both, words = contrast.GIVEN
        with gr.Column(elem_classes="card"):
            with gr.Row(elem_classes=["controls", "fill-mask-examples"]):
                self.pairs = {
                    name: gr.Button(name, size="sm", scale=0, min_width=150, elem_id=f"fill-mask-pair-{i}")
                    for i, name in enumerate(contrast.PAIRS)
                }
            with gr.Row(elem_classes="controls"):
                self.frame = gr.Textbox(
                    frame, label="Sentence", info="Three underscores stand where the two differ.", elem_id="fill-mask-frame"
                )
                self.both = gr.Textbox(both, label="The two", max_length=200, elem_id="fill-mask-both")
            self.words = gr.Textbox(
                words,
                label="Words to compare",
                info="Each one piece of the vocabulary. Empty for the most probable ones.",
                max_length=500,
                elem_id="fill-mask-words",
            )
            self.contrast = view(elem_classes="fill-mask-columns")

    def slot_probe_prediction(self) -> None:
        self.guess = view()

    def slot_probe(self) -> None:
        with gr.Column(elem_classes="card"):
            with gr.Row(elem_classes="controls"):
                self.documents = gr.Slider(
                    so_what.FEWEST,
                    so_what.MOST,
                    value=so_what.TRAIN,
                    step=50,
                    label="Documents the classifier learns from",
                    info="Fewer, if the corpus has fewer.",
                    elem_id="fill-mask-documents",
                )
                self.go = gr.Button("Probe", variant="primary", elem_id="fill-mask-probe", scale=0, min_width=120)
                self.stop = gr.Button("Stop", variant="stop", interactive=False, scale=0, min_width=100)
            self.reading = view([])
            self.found = view([])

    def slot_probe_code(self) -> None:
        self.probe_code = view()

    def slot_check(self) -> None:
        self.turn = gr.Number(0, precision=0, visible=False)
        self.check = view()

    def slot_code(self) -> None:
        self.code = view()

    def slot_quiz(self) -> None:
        self.draw = gr.Button("Draw seven questions", variant="primary", elem_id="fill-mask-quiz", scale=0, min_width=220)
        self.quiz = view([])

    def slot_runs(self) -> None:
        self.runs = view()

    def slot_take_along(self) -> None:
        self.take_along = view()

    def slot_push(self) -> None:
        self.pushed = gr.Textbox("", visible=False)
        self.owner = gr.Textbox("", visible=False)
        self.which = view()
        with gr.Row(elem_classes="controls"):
            self.repo = gr.Textbox(
                label="Name on the Hub", placeholder="ada/film-bert", max_length=100, elem_id="fill-mask-repo"
            )
            self.token = gr.Textbox(
                label="Your token, with the right to write",
                info="Used for this upload only, and kept nowhere.",
                type="password",
                max_length=200,
                elem_id="fill-mask-token",
            )
            self.private = gr.Checkbox(True, label="For me alone (private)", elem_id="fill-mask-private")
        with gr.Row(elem_classes="controls"):
            self.push = gr.Button("Upload", variant="primary", elem_id="fill-mask-push", scale=0, min_width=120)
            self.stop_pushing = gr.Button("Stop", variant="stop", interactive=False, scale=0, min_width=100)
        self.pushing = view([])

    def settings(self) -> dict[str, Any]:
        return {"text": self.text, "top_k": self.top_k, "order": self.order, "targets": self.targets}

    def connect(self) -> None:
        self.when_opened(see_kitchen, [], [self.prediction, self.kitchen])
        self.on(self.prediction.commit, committed, [], [self.prediction, self.kitchen])

        question = [self.text, self.top_k, self.order, self.targets]
        for text, button in self.examples.items():
            button.click(None, None, self.text, js=f"() => {json.dumps(text)}", api_visibility="private")
        changed = partial(gr.on, [self.text.change, self.top_k.input, self.order.input, self.targets.change])
        self.when_opened(see_choice, [], [self.choice])
        self.when_opened(see_answers, question, [self.answers, self.code])
        self.on(changed, ask, question, [self.answers, self.code], in_order=True)

        several = partial(gr.on, [self.text.change, self.targets.change])
        self.when_opened(see_orders, question, [self.orders])
        self.on(several, see_orders, question, [self.orders], in_order=True)

        pair = [self.frame, self.both, self.words]
        for name, button in self.pairs.items():
            chosen = json.dumps(contrast.PAIRS[name])
            button.click(None, None, pair, js=f"() => {chosen}", api_visibility="private")
        self.when_opened(see_contrast, pair, [self.contrast])
        self.on(partial(gr.on, [each.change for each in pair]), set_contrast, pair, [self.contrast], in_order=True)

        probed = [self.reading, self.found, self.guess]
        self.when_opened(see_probe, [self.documents], [self.guess, self.found, self.probe_code, self.go])
        self.on(self.documents.input, see_probe, [self.documents], [self.guess, self.found, self.probe_code, self.go])
        self.on_request(self.go.click, probe, [self.documents], probed, self.stop)

        self.when_opened(see_check, [*question, self.turn], [self.check])
        self.on(several, see_check, [*question, self.turn], [self.check], in_order=True)
        self.on(self.check.pick, check_again, question, [self.check, self.turn])

        self.when_opened(expect_quiz, [], [self.quiz])
        self.on(self.draw.click, draw_quiz, [], [self.quiz])
        self.on(self.quiz.pick, draw_quiz, [], [self.quiz])
        self.when_opened(see_runs, [], [self.runs, self.take_along])

        self.when_opened(push.choice, [], [self.which, self.pushed])
        owner = "run => lab.store.get('runs', run)?.token || ''"
        held = self.push.click(None, [self.pushed], [self.owner], js=owner, api_visibility="private")
        asked = [self.pushed, self.owner, self.repo, self.token, self.private]
        self.on_request(held.then, push.push, asked, [self.pushing, self.token], self.stop_pushing, lane="upload")


# The prediction ---------------------------------------------------------------------------------------------------------


def see_kitchen(using: Using) -> tuple[list[Block], list[Block]]:
    """What is asked beforehand; and what the models answer, which is shown once it is committed."""
    question, picture = kitchen.ask(models.asked(using))
    return [question], picture


def committed(using: Using) -> tuple[list[Block], list[Block]]:
    """The same, because the learner has just committed to it."""
    question, picture = see_kitchen(using)
    return question, [*picture, blocks.did(LESSON, "predict")]


# The question -----------------------------------------------------------------------------------------------------------


def see_choice(using: Using) -> list[Block]:
    """Which models are asked."""
    return models.choice(using, models.asked(using))


def see_answers(using: Using, text: str, top_k: float, order: str, targets: str) -> tuple[list[Block], list[Block]]:
    """What the models answer, and the lines that ask them."""
    found, question = models.asked(using), Question.of(text, top_k, order, targets)
    return answers(found, question), [code.answers(found, question)]


def ask(using: Using, text: str, top_k: float, order: str, targets: str) -> tuple[list[Block], list[Block]]:
    """The same, because the learner has changed the question."""
    drawn, lines = see_answers(using, text, top_k, order, targets)
    ticked = [blocks.did(LESSON, "ask")] if text != TEXT or targets else []
    ticked += [blocks.did(LESSON, "order")] if order != "together" else []
    return [*drawn, *ticked], lines


def see_orders(using: Using, text: str, top_k: float, order: str, targets: str) -> list[Block]:
    """The same text, filled in three ways."""
    return orders(models.asked(using), Question.of(text, top_k, order, targets))


# Two sentences ----------------------------------------------------------------------------------------------------------


def see_contrast(using: Using, frame: str, both: str, words: str) -> list[Block]:
    """What each model makes of the difference."""
    return contrast.picture(models.asked(using), contrast.Pair.of(frame, both, words))


def set_contrast(using: Using, frame: str, both: str, words: str) -> list[Block]:
    """The same, because the learner has changed it."""
    drawn = see_contrast(using, frame, both, words)
    return [*drawn, *([blocks.did(LESSON, "contrast")] if (frame, both, words) != contrast.GIVEN else [])]


# So what? ---------------------------------------------------------------------------------------------------------------


def see_probe(using: Using, documents: float) -> tuple[list[Block], list[Block], list[Block], Any]:
    """The prediction, what is known already, and the lines; or why this corpus can't be probed for."""
    found, train = models.asked(using), so_what.size(documents)
    try:
        so_what.draw(using, train)
    except LabError as error:
        told = [blocks.say("{why}", tone="warn", why=str(error))]
        return [so_what.card(())], told, [], gr.Button(interactive=False)
    outcomes = so_what.known(using, found, train)
    picture = so_what.picture(using, found, outcomes) if outcomes else []
    return [so_what.card(outcomes)], picture, [code.probe(using, found, train)], gr.Button(interactive=True)


def probe(using: Using, documents: float) -> Iterator[tuple[Any, ...]]:
    """Read, fit, and tell; how far it is meanwhile."""
    found, train = models.asked(using), so_what.size(documents)
    yield blocks.waiting("Reading …"), gr.skip(), gr.skip()
    for step in so_what.work(using, found, train):
        if isinstance(step, str):
            yield blocks.waiting(step), gr.skip(), gr.skip()
        else:
            drawn = [*so_what.picture(using, found, step), blocks.did(LESSON, "probe")]
            yield [], drawn, [so_what.card(step)]


# Check, quiz and what stays ---------------------------------------------------------------------------------------------


def see_check(using: Using, text: str, top_k: float, order: str, targets: str, turn: float) -> list[Block]:
    """Three questions about the learner's question."""
    question = Question.of(text, top_k, order, targets)
    return exercises.card(using, models.asked(using), question, bench.whole(turn, 0, quiz.LARGEST_SEED, 0))


def check_again(using: Using, text: str, top_k: float, order: str, targets: str) -> tuple[list[Block], Any]:
    """The same about another text."""
    turn = quiz.new_seed()
    return see_check(using, text, top_k, order, targets, turn), turn


def expect_quiz(_using: Using) -> Any:
    """Nothing to see yet: a quiz is drawn behind the page."""
    quiz.draw_ahead()
    return gr.skip()


def draw_quiz(_using: Using) -> list[Block]:
    """Seven questions that nobody has seen yet."""
    return quiz.fresh()


def see_runs(using: Using) -> tuple[list[Block], list[Block]]:
    """The learner's runs, and the lines that use the newest."""
    return summary.runs(using), summary.take_along(using)
