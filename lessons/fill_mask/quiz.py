"""The closing quiz: one question a lesson, drawn afresh from the bundled reviews and the bundled model, and computed live.

To find questions worth asking the model is asked some ten times, so a quiz is drawn behind the page, ahead of the learner
who wants it.
"""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import Empty, SimpleQueue

from lessons.catalog import lessons
from lessons.components import blocks
from lessons.components.blocks import Block, Question
from lessons.fill_mask.drawings import DRAWINGS

ID = "fill-mask-quiz"  # under which answers are kept
LARGEST_SEED = 10**9
_STOCKED = 4  # quizzes drawn ahead at most
_stock: "SimpleQueue[list[Block]]" = SimpleQueue()
_behind = ThreadPoolExecutor(1, thread_name_prefix="quiz")


def fresh() -> list[Block]:
    """A quiz that nobody has seen: one that was drawn ahead, if there is one. Another takes its place."""
    draw_ahead()
    try:
        return _stock.get_nowait()
    except Empty:
        return card(new_seed())


def draw_ahead() -> None:
    """Draw a quiz behind the page, unless enough of them wait already. Returns at once."""

    def work() -> None:
        if _stock.qsize() < _STOCKED:
            _stock.put(card(new_seed()))

    _behind.submit(work)


def new_seed() -> int:
    """A seed that nobody has seen yet."""
    return random.SystemRandom().randrange(1, LARGEST_SEED)


def card(seed: int) -> list[Block]:
    """The seven questions of a seed, with what the learner predicted in each lesson, and the score."""
    asked = {lesson: draw(lesson, seed) for lesson in DRAWINGS}
    titles = {lesson.id: lesson.title for lesson in lessons()}
    questions = blocks.questions(ID, list(asked.values()), again="Draw seven others")
    parts = [
        {"lesson": lesson, "id": each.id, "about": each.about, "title": titles[lesson]} for lesson, each in asked.items()
    ]
    return [{**questions, "type": "quiz", "parts": parts}, {"type": "quiz_score", "quiz": ID, "parts": parts}]


def draw(lesson: str, seed: int) -> Question:
    """One lesson's question."""
    dice = random.Random(f"{seed} {lesson}")
    question = DRAWINGS[lesson](dice)
    choices = list(question.choices)
    dice.shuffle(choices)
    return replace(question, id=lesson, about=str(seed), choices=tuple(choices))
