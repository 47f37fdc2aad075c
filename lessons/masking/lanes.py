"""The passage in two lanes, token and whole word, under the same dice; how much leaks; and what many draws come to."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from lab.config import Masking, RunConfig, Scoring
from lab.errors import require
from lessons import bench
from lessons.components import blocks
from lessons.components.blocks import Block, Piece
from lessons.components.words import many, percent

if TYPE_CHECKING:
    from lab.masking import Vocabulary
    from lab.passages import Passage
    from lab.redraws import Drawn, Redraws

DRAWS = 1_000
Strategy = Literal["token", "whole_word"]
STRATEGIES: tuple[Strategy, ...] = ("token", "whole_word")
NAMES = {"token": "Token", "whole_word": "Whole word"}
NOTES = {"token": "each piece on its own", "whole_word": "a word's pieces together"}


@dataclass(frozen=True, slots=True)
class Dials:
    """What the controls say, in percent, and whose masks are drawn: a run's at this epoch, or evaluation's."""

    epoch: int = 1
    frozen: bool = False
    rate: float = 15
    mask_share: float = 80
    random_share: float = 10

    def masking(self, strategy: Strategy) -> Masking:
        """The settings of a strategy. Raises SettingError, in the sliders' words, for shares that are more than all."""
        require(
            self.mask_share + self.random_share <= 100,
            f"Hidden {self.mask_share:g} % and swapped {self.random_share:g} % of the selected are more than all. "
            "Lower one of the two.",
        )
        shares = self.rate / 100, self.mask_share / 100, self.random_share / 100
        return Masking(strategy=strategy, mlm_probability=shares[0], mask_share=shares[1], random_share=shares[2])

    @property
    def dice(self) -> dict[str, int]:
        """Seed and draw, as training and evaluation use them."""
        return (
            {"seed": Scoring().score_seed, "draw": 0} if self.frozen else {"seed": RunConfig().seed, "draw": self.epoch - 1}
        )


def drawn(passage: "Passage", dials: Dials, model: str, strategy: Strategy, **dice: int) -> "Drawn":
    """One lane: the masks of a strategy."""
    from lab.redraws import draw

    return draw(passage, dials.masking(strategy), _vocabulary(model), **(dice or dials.dice))


def redrawn(passage: "Passage", masking: Masking, model: str) -> "Redraws":
    """A thousand epochs of one passage."""
    from lab.redraws import redraw

    return redraw(passage, masking, _vocabulary(model), seed=RunConfig().seed, draws=DRAWS)


@lru_cache(maxsize=4)
def _vocabulary(model: str) -> "Vocabulary":
    from lab.masking import Vocabulary

    return Vocabulary.of(bench.tokenizer(model))


# The two predictions ----------------------------------------------------------------------------------------------------


def predictions(passage: "Passage", model: str) -> tuple[Block, Block]:
    """How many positions read [MASK], and how many are scored: asked of the usual settings, whatever the dials say."""
    usual = Masking()
    rate, chance = usual.mlm_probability, percent(usual.mlm_probability)
    many_draws = redrawn(passage, usual, model)
    pieces, masked = passage.ordinary, float(many_draws.masked.mean())
    selected = float(many_draws.selected.mean())
    hidden = blocks.prediction(
        "masking-masks",
        f"Each of the {many(pieces, 'piece')} above has a chance of {chance} to be selected. "
        "On average over many draws: how many positions will read [MASK]?",
        low=0,
        high=pieces,
        unit="positions",
        outcome=round(masked, 1),
        verdict=f"The average of {DRAWS:,} draws of this passage. {chance} of {pieces} would be {pieces * rate:.1f}.",
        why="So being selected is not the same as being hidden. One more guess, and you'll see what else happens.",
    )
    scored = blocks.prediction(
        "masking-scored",
        "And how many positions are scored, on average: at how many is the model asked what truly stood there?",
        low=0,
        high=pieces,
        unit="positions",
        outcome=round(selected, 1),
        verdict=f"All that is selected is scored. {float(many_draws.masked.mean()):.1f} of them read [MASK]; "
        f"{float(many_draws.random.mean()):.1f} read a random piece, and {float(many_draws.kept.mean()):.1f} "
        "are left as they are.",
        why="The model can't know which of the pieces that it sees are true. So it has to think about all of them.",
    )
    return hidden, scored


# The lanes --------------------------------------------------------------------------------------------------------------


def picture(passage: "Passage", dials: Dials, model: str) -> list[Block]:
    """Both lanes, what was drawn, and the leak meter."""
    tokenizer = bench.tokenizer(model)
    lanes = {strategy: drawn(passage, dials, model, strategy) for strategy in STRATEGIES}
    masking = dials.masking("token")
    ribbon = blocks.ribbon(
        "The passage, masked",
        *(blocks.lane(words_of(passage, lanes[each], tokenizer), NAMES[each], NOTES[each]) for each in STRATEGIES),
        legend=[
            ("masked", f"hidden ({percent(masking.mask_share)} of the selected)"),
            ("random", f"swapped for a random piece ({percent(masking.random_share)})"),
            ("kept", f"kept as it is, still asked for ({percent(masking.kept_share)})"),
            ("leak", "leak: a selected piece with a sibling that wasn’t selected"),
        ],
        hint="Point at a selected piece, or move along with the arrow keys.",
    )
    return [
        ribbon,
        _told_of_the_dice(passage, dials, model, lanes["token"]),
        _counts(lanes),
        *_leak_meter(passage, dials, model, lanes),
        blocks.say(
            "Both lanes throw the same dice: a word's first piece falls alike in both, and in the lower lane it decides "
            "for the whole word. {rate} is each piece's own chance (each word's, in the lower lane), so one draw of a "
            "short text may select none, or many. Whether a selected piece is hidden, swapped or kept is drawn for each "
            "piece, in both lanes, as in BERT's own code.",
            tone="quiet",
            rate=percent(masking.mlm_probability),
        ),
    ]


def words_of(passage: "Passage", lane: "Drawn", tokenizer: Any, *, told: bool = True) -> list[dict[str, Any]]:
    """A lane's words as drawn: what the model reads, and small beside it what stood there. If `told`, leaks are ringed."""
    seen = tokenizer.convert_ids_to_tokens(list(lane.seen))
    groups = [[at] for at, piece in enumerate(passage.pieces) if piece.special] + [list(word) for word in passage.words]
    words = []
    for places in sorted(groups):
        pieces = tuple(_piece(passage, lane, at, str(seen[at]), told) for at in places)
        words.append(blocks.word(*pieces, leak=told and any(at in lane.leaking for at in places)))
    return words


def _piece(passage: "Passage", lane: "Drawn", at: int, seen: str, told: bool) -> Piece:
    from lab.masking import KEPT, MASKED, RANDOM

    piece, action = passage.pieces[at], lane.action[at]
    if piece.special:
        return Piece(text=seen, kind="special")
    if action not in (MASKED, RANDOM, KEPT):
        return Piece(text=seen)
    tip = _tip(passage, lane, at, seen) if told else None
    if action == KEPT:
        return Piece(text=seen, kind="kept", tip=tip)
    return Piece(text=seen, kind="masked" if action == MASKED else "random", under=piece.text, tip=tip)


def _tip(passage: "Passage", lane: "Drawn", at: int, seen: str) -> tuple[tuple[str, str], ...]:
    """What is told of a selected piece that is pointed at."""
    tip = [("stood here", passage.pieces[at].text), ("the model reads", seen)]
    if at in lane.at_risk:
        siblings = [k for k in passage.words[passage.word_at[at]] if k != at and k not in lane.selected]
        tip.append(("siblings not selected", " ".join(passage.pieces[k].text for k in siblings) or "none"))
    return tuple(tip)


def _told_of_the_dice(passage: "Passage", dials: Dials, model: str, lane: "Drawn") -> Block:
    """Whose masks these are, and what a redraw does to them."""
    selected = len(lane.selected)
    if dials.frozen:
        return blocks.say(
            "Evaluation after epoch {epoch}: seed {seed}, draw 0, the same masks as at every evaluation. So when a score "
            "changes, the model has changed, and not the masks.",
            live=True,
            epoch=dials.epoch,
            seed=dials.dice["seed"],
        )
    if dials.epoch == 1:
        return blocks.say(
            "Epoch 1 of a run with seed {seed}. Draw again: the next epoch asks for other pieces of the same text.",
            live=True,
            seed=dials.dice["seed"],
        )
    before = drawn(passage, dials, model, "token", seed=dials.dice["seed"], draw=dials.epoch - 2)
    again = len(set(before.selected) & set(lane.selected))
    return blocks.say(
        "Epoch {epoch} of a run with seed {seed}. Token lane: {selected} selected, of which {again} in epoch {before} too.",
        live=True,
        epoch=dials.epoch,
        seed=dials.dice["seed"],
        selected=many(selected, "piece"),
        again=again,
        before=dials.epoch - 1,
    )


def _counts(lanes: "dict[Strategy, Drawn]") -> Block:
    from lab.masking import KEPT, MASKED, RANDOM

    return blocks.table(
        "In this draw (all that is selected is scored)",
        ["lane", "selected", "read [MASK]", "swapped", "kept"],
        [
            [NAMES[each], str(len(lane.selected)), *(str(lane.count(action)) for action in (MASKED, RANDOM, KEPT))]
            for each, lane in lanes.items()
        ],
    )


def _leak_meter(passage: "Passage", dials: Dials, model: str, lanes: "dict[Strategy, Drawn]") -> list[Block]:
    """Of the selected pieces that have siblings, how many have one that wasn't selected, now and in a thousand draws."""
    if not passage.long_words:
        return [blocks.say("No word of this text is spelled of several pieces, so nothing can leak.", tone="quiet")]
    rows = []
    for each, lane in lanes.items():
        risk, leaking = len(lane.at_risk), len(lane.leaking)
        share = redrawn(passage, dials.masking(each), model).leak_share
        rows.append(
            blocks.bar_row(
                NAMES[each],
                (leaking / risk if risk else 0.0, f"{leaking} of {risk}"),
                (share or 0.0, "none" if share is None else percent(share)),
            )
        )
    return [
        blocks.heading("Leak meter"),
        blocks.bars(
            "Of the selected pieces that have siblings, those with a sibling that wasn’t selected.",
            rows,
            series=["in this draw", f"in {DRAWS:,} draws"],
        ),
    ]


# A thousand redraws -----------------------------------------------------------------------------------------------------


def thousand(passage: "Passage", dials: Dials, model: str) -> list[Block]:
    """What a thousand draws come to, beside what is expected of them."""
    from lab import plots

    found = {each: redrawn(passage, dials.masking(each), model) for each in STRATEGIES}
    masking = dials.masking("token")
    expected = passage.ordinary * masking.mlm_probability
    shares = masking.mask_share, masking.random_share, masking.kept_share
    rows = [["selected", f"{expected:.1f}", *(f"{each.selected.mean():.1f}" for each in found.values())]]
    for name, share, kind in zip(("read [MASK]", "swapped", "kept"), shares, ("masked", "random", "kept"), strict=True):
        rows.append([name, f"{expected * share:.1f}", *(f"{getattr(each, kind).mean():.1f}" for each in found.values())])
    token, whole = (each.selected for each in found.values())
    fewest, most = int(min(token.min(), whole.min())), int(max(token.max(), whole.max()))
    return [
        blocks.table(
            f"A draw of this passage, on average over {DRAWS:,}",
            ["positions", "expected", *(NAMES[each] for each in found)],
            rows,
        ),
        blocks.chart(
            plots.selected_counts({NAMES[each]: many_draws.selected for each, many_draws in found.items()}, expected),
            f"How many of {DRAWS:,} draws select how many pieces. The dashed line is the expected number. "
            f"Single draws select from {fewest} to {most}.",
            height=280,
        ),
        blocks.say(
            "Both lanes select the same share on average, so they can be compared at the same rate. From draw to draw the "
            "number scatters by {token} in the token lane and by {whole} in the other (standard deviations). In the other, "
            "the pieces of a word come or stay away together.",
            token=f"{token.std():.1f}",
            whole=f"{whole.std():.1f}",
        ),
    ]
