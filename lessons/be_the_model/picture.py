"""What the game shows: the cards as far as they are answered, and what both players did when all are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lessons.components import blocks
from lessons.components.blocks import Block

if TYPE_CHECKING:
    from lab.cloze import Blank, Score

LEVELS = (("hunch", "a hunch"), ("fairly_sure", "fairly sure"), ("sure", "sure"))


@dataclass(frozen=True, slots=True)
class Answer:
    """A learner's answer to one blank."""

    picked: tuple[int, ...]  # of the list's words
    confidence: str  # one of LEVELS

    def belief(self) -> tuple[float, ...]:
        """The share of belief that each word of the list gets."""
        from lab.cloze import WORDS, belief

        return belief(WORDS, self.picked, self.confidence)


def percent(share: float) -> str:
    """A share of belief as it is written here.

    >>> [percent(share).split() for share in (0.613, 0.0421, 0.00001, 0.99999)]
    [['61', '%'], ['4.2', '%'], ['<0.1', '%'], ['>99.9', '%']]
    """
    if share < 0.0005:
        return "<0.1\u00a0%"
    if share > 0.9995:
        return ">99.9\u00a0%"
    return f"{share:.1%}".replace("%", "\u00a0%") if not 0.0995 <= share < 0.995 else f"{share * 100:.0f}\u00a0%"


def both(yours: float, models: float) -> tuple[str, str]:
    """Two shares, with so many digits that what differs looks different.

    >>> [share.split()[0] for share in both(0.613, 0.12)], [share.split()[0] for share in both(0.6131, 0.6149)]
    (['61', '12'], ['61.3', '61.5'])
    """
    told = percent(yours), percent(models)
    digits = 1
    while told[0] == told[1] and yours != models and digits < 6:
        told = f"{yours * 100:.{digits}f}\u00a0%", f"{models * 100:.{digits}f}\u00a0%"
        digits += 1
    return told


def prediction(outcome: int | None) -> Block:
    """How the learner expects to do, and how it came to."""
    from lab.cloze import BLANKS, WORDS

    return blocks.prediction(
        "be-the-model-better",
        f"You will see {BLANKS} sentences, each with one word hidden and {WORDS} words to choose from. You say which you "
        "believe in, and how surely; so does the model. On how many of them will you give the author's word more belief "
        "than the model does?",
        unit=f"of {BLANKS}",
        low=0,
        high=BLANKS,
        outcome=outcome,
    )


def game(about: str, asked: Sequence["Blank"], answers: Sequence[Answer], found: "Score") -> Block:
    """The cards that have been answered, and the next one; drawn by `be_the_model.js`."""
    from lab.cloze import BLANKS

    cards = [_open(blank) for blank in asked]
    for card, blank, answer in zip(cards, asked, answers, strict=False):
        card |= _answered(blank, answer.belief())
    return {
        "type": "cloze",
        "about": about,
        "total": BLANKS,
        "cards": cards,
        "levels": [list(level) for level in LEVELS],
        "shares": {level: _shares(level) for level, _ in LEVELS},
        "tally": _tally(len(answers), found),
    }


def _open(blank: "Blank") -> dict[str, Any]:
    return {"before": blank.hidden.before, "after": blank.hidden.after, "words": list(blank.words)}


def _answered(blank: "Blank", yours: tuple[float, ...]) -> dict[str, Any]:
    return {
        "author": blank.author,
        "yours": [[share, percent(share)] for share in yours],
        "model": [[share, percent(share)] for share in blank.model],
        "winner": "you" if yours[blank.author] > blank.model[blank.author] else "model",
        "said": _said(blank, yours),
    }


def _shares(confidence: str) -> list[Any]:
    """For each number of picked words, what a picked word and another get, so that the page shows it while one picks."""
    from lab.cloze import WORDS

    table: list[Any] = [None]
    for number in range(1, WORDS + 1):
        belief = Answer(tuple(range(number)), confidence).belief()
        table.append([[share, percent(share)] for share in (belief[0], belief[-1])])
    return table


def _said(blank: "Blank", yours: tuple[float, ...]) -> list[Block]:
    """What is told when a blank has been answered."""
    you, model = both(yours[blank.author], blank.model[blank.author])
    told = [
        blocks.say(
            "The author wrote {word}. **You gave it {you}, the model {model}.**",
            tone="good" if yours[blank.author] > blank.model[blank.author] else "warn",
            live=True,
            word=blank.hidden.word,
            you=you,
            model=model,
        )
    ]
    if blank.favourite != blank.author:
        told.append(
            blocks.say(
                "The model believes more in {other}. Read the sentence with that: is it wrong?",
                other=blank.words[blank.favourite],
            )
        )
    told.append(
        blocks.say(
            "Without a list, the model would have said {first}; the author's word comes {rank}.",
            tone="quiet",
            first=" · ".join(blank.first),
            rank=_place(blank.rank),
        )
    )
    return told


def _place(rank: int) -> str:
    """A rank in words.

    >>> [_place(rank) for rank in (1, 2, 3, 11, 112, 1021)]
    ['1st', '2nd', '3rd', '11th', '112th', '1,021st']
    """
    ending = "th" if rank % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank:,}{ending}"


def _tally(answered: int, found: "Score") -> str:
    from lab.cloze import BLANKS

    if not answered:
        return f"{BLANKS} blanks to go."
    more = f"you gave the author's word more on {found.better}, the model on {answered - found.better}"
    return f"{answered} of {BLANKS} answered: {more}."


def outcome(asked: Sequence["Blank"], found: "Score", vocabulary: int) -> list[Block]:
    """How both players did, and what the numbers say, from one probability up."""
    from lab.cloze import WORDS, mean_surprise, surprise

    most = max(map(surprise, found.yours + found.models))
    rows = [
        blocks.bar_row(
            f"{i}. {blank.hidden.word}",
            *((surprise(given) / most, f"{surprise(given):.2f}") for given in (yours, models)),
            note=f"{percent(yours)} from you, {percent(models)} from the model; {_place(blank.rank)} without a list",
        )
        for i, (blank, yours, models) in enumerate(zip(asked, found.yours, found.models, strict=True), 1)
    ]
    return [
        blocks.heading("How you both did"),
        blocks.figures(
            (f"{found.better} of {len(asked)}", "blanks where you gave the author's word more"),
            (f"{found.your_perplexity:.1f}", "your perplexity"),
            (f"{found.models_perplexity:.1f}", "the model's perplexity"),
        ),
        blocks.say(
            "On the first blank you gave the author's word, {word}, a **probability** of {share}. The **surprise** of "
            "finding it there is the negative logarithm of that, {nats} nats: none for certainty, and more the less you "
            "believed in it. **Perplexity** is e to the power of your mean surprise, {mean} nats, and so {perplexity}: as "
            "if you had wavered between that many equally likely words at each blank.",
            word=asked[0].hidden.word,
            share=percent(found.yours[0]),
            nats=f"{surprise(found.yours[0]):.2f}",
            mean=f"{mean_surprise(found.yours):.2f}",
            perplexity=f"{found.your_perplexity:.1f}",
        ),
        blocks.say(
            f"To believe in all {WORDS} words alike, on every blank, is a perplexity of {WORDS}.{_worse(found, WORDS)} One "
            "certainty that turned out wrong would cost endless surprise: that is why *sure* stops short of 100 % here."
        ),
        blocks.bars(
            "Surprise at each of the author's words, in nats; what was given to it; and its place among the "
            f"{vocabulary:,} pieces that the model chooses from without a list",
            rows,
            ("you", "the model"),
        ),
        _favoured(asked),
        blocks.say(
            f"Both perplexities are over lists of {WORDS}. Lesson 6 measures over all {vocabulary:,} pieces of the "
            "vocabulary, so its numbers can't be compared with these.",
            tone="quiet",
        ),
    ]


def _worse(found: "Score", even: int) -> str:
    """A word on who did worse than that."""
    worse = [
        name
        for name, perplexity in (("You", found.your_perplexity), ("The model", found.models_perplexity))
        if perplexity > even
    ]
    if not worse:
        return ""
    who = "Both of you are" if len(worse) == 2 else f"{worse[0]} {'are' if worse == ['You'] else 'is'}"
    return f" {who} above that: it is what comes of believing firmly in words that weren't the author's."


def _favoured(asked: Sequence["Blank"]) -> Block:
    """Where the model preferred another word to the author's."""
    others = [blank for blank in asked if blank.favourite != blank.author]
    if not others:
        return blocks.say(
            "On every one of these blanks the model believed most in the author's word. Play another eight, and see "
            "whether it stays so."
        )
    return blocks.say(
        f"On {len(others)} of {len(asked)} blanks the model believed more in another word than in the author's: "
        "{pairs}. Where its word fits as well, the model was not wrong; the author just wrote something else. So a model "
        "answers not with a word but with a probability for every word, and what counts is how much of it went to what was "
        "really written.",
        pairs=" · ".join(f"{blank.hidden.word} → {blank.words[blank.favourite]}" for blank in others),
    )


def one(probability: float) -> list[Block]:
    """From one probability to its surprise and its perplexity."""
    from lab.cloze import mean_surprise, surprise
    from lab.evaluation import perplexity

    return [
        blocks.figures(
            (percent(probability), "probability"),
            (f"{surprise(probability):.2f}", "surprise, in nats: −ln of it"),
            (f"{perplexity(mean_surprise([probability])):.1f}", "perplexity, if every blank went like this"),
        ),
        blocks.say(
            "Two such blanks together have a probability of {together} and a surprise of {twice}: probabilities multiply, "
            "surprises add. Adding up is what makes surprise handy.",
            together=percent(probability**2),
            twice=f"{surprise(probability**2):.2f}",
            live=True,
        ),
    ]


def how_it_is_made() -> list[Block]:
    """How blanks and lists are made, with the numbers that the game goes by."""
    from lab.cloze import BLANKS, COMMONEST, CONFIDENCE, FROM_MODEL, FUNCTION_BLANKS, LIKED, NEAREST, WORDS
    from lab.lexicon import FEWEST_WORDS, MOST_WORDS

    return [
        blocks.say(
            f"The sentences are held-out ones of the corpus in use, {FEWEST_WORDS} to {MOST_WORDS} words long. Hidden is a "
            f"word that stands once in its sentence and is among the {COMMONEST} commonest that the corpus writes in lower "
            "case, so no name, and that the model knows whole. Which ones, the dice say: the model isn't asked. In "
            f"English, {FUNCTION_BLANKS} of the {BLANKS} are function words such as *the* or *with*. Both players "
            "read the sentence alone, without what stands around it."
        ),
        blocks.say(
            f"Beside the author's word a list holds {FROM_MODEL} words drawn from the {LIKED} that the model likes best in "
            f"that place, and {WORDS - 1 - FROM_MODEL} drawn from the {NEAREST} nearest to the author's word in frequency. "
            "Were the model's favourite always on it, the list would be set against the model: it would lose whenever the "
            "author wrote something else."
        ),
        blocks.say(
            f"The model spreads its belief over its whole vocabulary; what the {WORDS} words get of it is scaled up to "
            f"100 %. A word that you pick counts {CONFIDENCE['hunch']} times as much as one that you don't if it is a "
            f"hunch, {CONFIDENCE['fairly_sure']} times if you are fairly sure, {CONFIDENCE['sure']} times if you are sure."
        ),
    ]
