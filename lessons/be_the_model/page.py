"""Be the model: eight blanks of real sentences, answered by the learner and by the model from the same short lists."""

import hashlib
import json
from typing import TYPE_CHECKING, Any

import gradio as gr

from lab.errors import require
from lessons import bench
from lessons.be_the_model import picture
from lessons.be_the_model.code import drawer
from lessons.be_the_model.exercises import questions
from lessons.be_the_model.picture import LEVELS, Answer
from lessons.bench import Using
from lessons.components.blocks import Block, did
from lessons.components.page import LessonPage
from lessons.components.view import view

if TYPE_CHECKING:
    from lab.cloze import Blank, Hidden
    from lab.lexicon import Lexicon

FIRST_ROUND, LAST_ROUND = 4, 9_999
READ = 2_000  # training documents whose words the lists are drawn from
_GATED = "after-prediction-be-the-model-better"
_NEXT = f"""number => {{
  document.getElementById("be-the-model-game")?.scrollIntoView({{block: "start"}});
  return number >= {LAST_ROUND} ? 1 : (number || 0) + 1;
}}"""


class Page(LessonPage):
    """The page of `lesson.md`."""

    def slot_prediction(self) -> None:
        self.prediction = view()

    def slot_game(self) -> None:
        self.game = view(elem_id="be-the-model-game", elem_classes=_GATED)

    def slot_outcome(self) -> None:
        self.outcome = view([], elem_id="be-the-model-outcome", elem_classes=_GATED)

    def slot_again(self) -> None:
        with gr.Row(elem_classes=["controls", "cloze-again", _GATED]):
            self.again = gr.Button("Play another eight", elem_id="be-the-model-again", scale=0, min_width=240)

    def slot_check(self) -> None:
        self.check = view([], elem_classes=_GATED)

    def slot_one(self) -> None:
        self.probability = gr.Slider(
            1,
            99,
            value=50,
            step=1,
            label="Probability given to the author's word, in %",
            info="Move it down, and see what each step costs.",
            elem_id="be-the-model-probability",
        )
        self.one = view()

    def slot_how(self) -> None:
        self.how = view()
        self.round = gr.Number(
            FIRST_ROUND,
            minimum=1,
            maximum=LAST_ROUND,
            precision=0,
            label="Round",
            info="Each number is another eight blanks. It is in the link: whoever follows that plays the same ones.",
            elem_id="be-the-model-round",
        )

    def slot_code(self) -> None:
        self.code = view([], elem_classes=_GATED)

    def settings(self) -> dict[str, Any]:
        return {"round": self.round}

    def connect(self) -> None:
        drawn = [self.prediction, self.game, self.outcome, self.check, self.code]
        self.when_opened(draw, [self.round], drawn)
        self.on(self.round.input, draw, [self.round], drawn)
        self.on(self.game.pick, play, [self.round], drawn)
        self.on(self.prediction.commit, predicted, [], [self.prediction])
        moved = self.again.click(None, [self.round], [self.round], js=_NEXT, api_visibility="private")
        self.on(moved.then, draw, [self.round], drawn)
        self.when_opened(how, [], [self.how])
        self.when_opened(one, [self.probability], [self.one])
        self.on(self.probability.input, one, [self.probability], [self.one])


def draw(using: Using, number: float | None) -> tuple[list[Block], ...]:
    """A round with nothing answered yet."""
    return _drawn(using, _round(number), [])


def play(using: Using, number: float | None, event: gr.EventData) -> tuple[list[Block], ...]:
    """A round as far as it has been answered: the browser sends all answers to it so far."""
    bench.wait_until_warm()
    number = _round(number)
    answers = answers_of(getattr(event, "answers", None))
    return _drawn(using, number, answers if getattr(event, "about", None) == _about(using, number) else [])


def predicted(_using: Using) -> list[Block]:
    """A prediction has just been committed; what it came to isn't known before all blanks are answered."""
    return [picture.prediction(None), did("be-the-model", "predict")]


def one(_using: Using, percent: float) -> list[Block]:
    """What one probability costs."""
    require(isinstance(percent, int | float) and 0 < percent < 100, "Choose a probability from 1 to 99 %.")
    bench.wait_until_warm()
    return picture.one(percent / 100)


def how(_using: Using) -> list[Block]:
    """How blanks and lists are made."""
    bench.wait_until_warm()
    return picture.how_it_is_made()


def answers_of(given: Any) -> list[Answer]:
    """The answers that a browser sent, up to the first that can't be one."""
    bench.wait_until_warm()
    from lab.cloze import BLANKS, WORDS

    answers: list[Answer] = []
    for each in given[:BLANKS] if isinstance(given, list) else []:
        picked, confidence = (each.get("picked"), each.get("confidence")) if isinstance(each, dict) else (None, None)
        if not isinstance(picked, list) or confidence not in [level for level, _ in LEVELS]:
            break
        if not 1 <= len(picked) <= WORDS or not all(type(i) is int and 0 <= i < WORDS for i in picked):
            break
        answers.append(Answer(tuple(sorted(set(picked))), confidence))
    return answers


def _drawn(using: Using, number: int, answers: list[Answer]) -> tuple[list[Block], ...]:
    bench.wait_until_warm()
    from lab.cloze import BLANKS, score

    asked = [blank(using, number, i) for i in range(min(len(answers) + 1, BLANKS))]
    beliefs = [answer.belief() for answer in answers]
    found = score(asked, beliefs)
    game = picture.game(_about(using, number), asked, answers, found)
    if len(answers) < BLANKS:
        return [picture.prediction(None)], [game], [], [], []
    about = hashlib.sha256(json.dumps([_about(using, number), *map(str, answers)]).encode()).hexdigest()[:12]
    vocabulary = len(bench.tokenizer(using.model))
    return (
        [picture.prediction(found.better)],
        [game, did("be-the-model", "fill")],
        picture.outcome(asked, found, vocabulary),
        [questions(asked, found, about)],
        [drawer(using, READ, number, asked, answers)],
    )


def _round(number: float | None) -> int:
    """The number of a round. Raises SettingError."""
    good = isinstance(number, int | float) and 1 <= number <= LAST_ROUND and number == int(number)
    require(good, f"The round is a whole number from 1 to {LAST_ROUND}. Choose one.")
    return int(number)  # type: ignore[arg-type]  # checked above


def _about(using: Using, number: int) -> str:
    """What answers are answers to: these sentences, with the lists that this model proposes."""
    return hashlib.sha256(f"{using.model} {hidden(using, number)}".encode()).hexdigest()[:16]


# Kept ready, as a round is looked at again with each answer ---------------------------------------------------------------


@bench.remembered(8)
def words(using: Using) -> "Lexicon":
    """The words of the corpus that lists are drawn from."""
    from lab.lexicon import lexicon

    return lexicon(bench.corpus(using)["train"][:READ]["text"], bench.tokenizer(using.model))


@bench.remembered(64)
def hidden(using: Using, number: int) -> "tuple[Hidden, ...]":
    """The eight sentences of a round."""
    from lab.cloze import deal

    return deal(bench.tokenizer(using.model), words(using), bench.corpus(using)["test"]["text"], number)


@bench.remembered(512)
def blank(using: Using, number: int, i: int) -> "Blank":
    """One of them, with its list and the model's answer: asked when the learner comes to it, some 20 ms each."""
    from lab.cloze import ask

    return ask(bench.loaded(using.model), words(using), hidden(using, number)[i])
