"""Exercises on masking: a draw of their own, chosen so that a tempting wrong answer is not right by chance."""

import hashlib
import random
from typing import TYPE_CHECKING

from lessons import bench
from lessons.components import blocks
from lessons.components.blocks import Block, Choice, Question
from lessons.components.words import listed, many, percent
from lessons.masking.lanes import Dials, drawn, words_of

if TYPE_CHECKING:
    from lab.passages import Passage
    from lab.redraws import Drawn

_TRIES = 60  # draws looked at for a telling one
_LISTED = 4  # pieces named in an answer


def card(passage: "Passage", dials: Dials, model: str, turn: int) -> list[Block]:
    """A draw of the passage, token lane, and the questions about it. Another `turn` brings another draw."""
    lane = telling(passage, dials, model, turn)
    about = hashlib.sha256(
        repr((model, passage.text, dials.masking("token"), turn)).encode("utf-8", "replace")
    ).hexdigest()[:12]
    ribbon = blocks.ribbon(
        "A draw for the questions",
        blocks.lane(words_of(passage, lane, bench.tokenizer(model), told=False)),
        small=True,
    )
    asked = [expected(passage, dials, about), scored(passage, lane, about), leaking(passage, lane, about)]
    return [
        blocks.say("A draw for these questions, by token masking. Leaks are not ringed here."),
        ribbon,
        blocks.questions("masking", [each for each in asked if len(each.choices) > 1], again="Another draw"),
    ]


def telling(passage: "Passage", dials: Dials, model: str, turn: int) -> "Drawn":
    """The first draw of a turn that tells the answers apart: not all that is selected is hidden, and some of it leaks."""
    best: tuple[int, Drawn] | None = None
    for number in range(_TRIES):
        lane = drawn(passage, dials, model, "token", seed=turn, draw=number)
        grade = (
            bool(len(_kinds(lane)) == 3) + 2 * (len(_kinds(lane)) > 1) + 4 * bool(lane.leaking and _alone(passage, lane))
        )
        if best is None or grade > best[0]:
            best = grade, lane
        if grade == 7:
            break
    assert best is not None, "there are tries"
    return best[1]


def expected(passage: "Passage", dials: Dials, about: str) -> Question:
    """How many [MASK]s do you expect?"""
    masking, pieces = dials.masking("token"), passage.ordinary
    rate, hide, swap = masking.mlm_probability, masking.mask_share, masking.random_share
    choices = [
        Choice(
            f"{pieces * rate * hide:.1f}",
            f"{pieces} × {percent(rate)} × {percent(hide)}: a piece is first selected, and then hidden.",
            right=True,
        ),
        Choice(
            f"{pieces * rate:.1f}",
            f"That is how many you expect to be selected. Of those, {percent(hide)} read [MASK].",
        ),
        Choice(f"{pieces * hide:.1f}", f"{percent(hide)} is a share of the selected, not of all pieces."),
        Choice(
            f"{pieces * rate * (hide + swap):.1f}",
            "That counts the swapped ones too. They read a random piece, and not [MASK].",
        ),
    ]
    return Question(
        "expected",
        f"The passage has {many(pieces, 'piece')}, each selected with a chance of {percent(rate)}; {percent(hide)} of the "
        "selected are hidden. How many [MASK]s do you expect in a draw?",
        _mixed(choices, f"expected {about}"),
        hint="Two things have to happen to a piece, one after the other.",
        about=about,
    )


def scored(passage: "Passage", lane: "Drawn", about: str) -> Question:
    """Which positions enter the loss?"""
    from lab.masking import KEPT, MASKED

    hidden, selected, kept = lane.count(MASKED), len(lane.selected), lane.count(KEPT)
    choices = [
        Choice(
            f"{selected}: all that was selected, whatever became of it",
            "At these positions the label is the true piece. Everywhere else it is −100, and the loss passes it over.",
            right=True,
        )
    ]
    if hidden not in (selected, selected - kept):
        choices.append(
            Choice(
                f"{hidden}: those that read [MASK]",
                "Those you can see. But the swapped and the kept are asked for too; the model can't know which they are.",
            )
        )
    elif hidden != selected:
        choices.append(
            Choice(
                f"{hidden}: those that read [MASK]", "Those you can see. But the kept are asked for too, though they show."
            )
        )
    if hidden != selected - kept != selected:
        choices.append(
            Choice(
                f"{selected - kept}: those that no longer read what the author wrote",
                "The kept ones are asked for as well: they look like all the others, and still the model has to answer.",
            )
        )
    choices.append(
        Choice(f"{passage.ordinary}: all of them", "Only what was selected is scored. The rest is there to answer from.")
    )
    return Question(
        "scored",
        "Which positions of this draw enter the loss?",
        _mixed(choices, f"scored {about}"),
        hint="Of three things that can happen to a selected piece, one leaves no trace but its frame here.",
        about=about,
    )


def leaking(passage: "Passage", lane: "Drawn", about: str) -> Question:
    """Which selected pieces leak?"""
    leaks, risk, alone = sorted(lane.leaking), sorted(lane.at_risk), _alone(passage, lane)
    choices = []
    if leaks:
        at = leaks[0]
        sibling = next(k for k in passage.words[passage.word_at[at]] if k not in lane.selected)
        choices += [
            Choice(
                "{pieces}",
                "Each has a sibling that was not selected, so the model sees part of the word.",
                right=True,
                values={"pieces": _named(passage, leaks)},
            ),
            Choice(
                "none of them",
                "{piece} does: {sibling}, of the same word, was not selected, and the model sees it.",
                values={"piece": passage.pieces[at].text, "sibling": passage.pieces[sibling].text},
            ),
        ]
    else:
        choices.append(Choice("none of them", "Every sibling of a selected piece is selected too.", right=True))
    if risk != leaks:
        choices.append(
            Choice(
                "{pieces}",
                "These are all the selected pieces of words of several pieces. Where a whole word is selected, none of its "
                "pieces gives another away.",
                values={"pieces": _named(passage, risk)},
            )
        )
    if alone:
        choices.append(
            Choice(
                "{pieces}",
                "These are whole words. The words next to them are in sight, but that is context, which the model is there "
                "to use. A leak comes from the same word.",
                values={"pieces": _named(passage, alone)},
            )
        )
    return Question(
        "leaking",
        "Which selected pieces leak?",
        _mixed(choices, f"leaking {about}"),
        hint="Look for a word of several pieces of which only some were selected.",
        about=about,
    )


def _kinds(lane: "Drawn") -> set[int]:
    """What was done to the selected: one to three kinds of thing."""
    return {lane.action[at] for at in lane.selected}


def _alone(passage: "Passage", lane: "Drawn") -> list[int]:
    """Selected words of one piece."""
    return [at for at in lane.selected if len(passage.words[passage.word_at[at]]) == 1]


def _named(passage: "Passage", places: list[int]) -> str:
    named = []
    for at in places:
        piece, word = passage.pieces[at].text, passage.written(passage.word_at[at])
        named.append(f"{piece} in {word}" if len(passage.words[passage.word_at[at]]) > 1 else piece)
    return listed(named, _LISTED)


def _mixed(choices: list[Choice], seed: str) -> tuple[Choice, ...]:
    """Without a wrong answer that reads like the right one or another, in an order that the seed decides."""
    seen = {(choice.text, str(choice.values)): choice for choice in reversed(choices)}
    kept = list(reversed(seen.values()))
    random.Random(seed).shuffle(kept)
    return tuple(kept)
