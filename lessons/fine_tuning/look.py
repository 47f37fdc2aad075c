"""Into a step: what the model read at one step of a run, and how much each scored piece surprised it."""

from typing import TYPE_CHECKING, Any

from lab import jobs
from lab.errors import RunError, require
from lab.runs import Run
from lab.settings import values
from lessons import bench
from lessons.components import blocks
from lessons.components.blocks import Block, Piece
from lessons.components.words import many, percent
from lessons.perplexity.passage import HEATS, heat

if TYPE_CHECKING:
    from lab.preparation import Prepared
    from lab.surprisals import StepRead

PAGE = 2  # chunks shown at once
_HINT = "Point at a coloured piece, or move along with the arrow keys."


def check_may_read(run: Run, token: str) -> None:
    """The text of an own file is for whoever trained on it, even where others may watch. Raises RunError."""
    shared = run.config().data.corpus in ("reviews", "imdb")
    require(
        shared or jobs.owns(run.id, token),
        f"The run {run.id} was trained on an own file, so only whoever started it may read the text of its steps.",
        RunError,
    )


def prepared_for(run: Run) -> "Prepared":
    """A run's corpus as it was chunked and sampled for it."""
    return bench.prepared_for(run.config())


def step_read(run: Run, step: int, page: int) -> list[Block]:
    """One step of a run: the chunks that it read, a few at a time, the most surprising first."""
    from lab.surprisals import nearest, read_step

    prepared = prepared_for(run)
    found = read_step(run, prepared, nearest(run, step))
    order = _most_surprising_first(found)
    pages = -(-len(order) // PAGE)
    page = min(max(page, 0), pages - 1)
    shown = order[page * PAGE : (page + 1) * PAGE]
    of = values(run.config())
    portions = f" in {len(found.parts)} forward passes" if len(found.parts) > 1 else ""
    told = (
        f"**Step {found.step:,}** (epoch {found.epoch + 1}) read {many(sum(found.parts), 'chunk')} of "
        f"{of['chunk_size']} tokens{portions}. Here they stand as their authors wrote them; the model was asked for the "
        "coloured pieces. The loss is the mean surprise of the "
        f"{many(found.scored, 'scored piece')}, and of nothing else: "
        f"{found.loss:.3f} nats. The weights were changed only after that."
    )
    if found.step != step:
        told += f" (Step {step:,} was not kept; of a long run only some are.)"
    return [
        blocks.heading(f"Step {found.step:,}, read again"),
        blocks.say(told, live=True),
        blocks.ribbon(
            f"Chunks {page * PAGE + 1} to {page * PAGE + len(shown)} of step {found.step}",
            *[_lane(found, row, place, prepared) for place, row in enumerate(shown, page * PAGE + 1)],
            legend=[(f"heat-{i}", f"{words}{_OF if i == 0 else ''}") for i, (_, words) in enumerate(HEATS)],
            hint=_HINT,
            small=True,
        ),
        {
            "type": "leaf",
            "step": found.step,
            "page": page,
            "pages": pages,
            "label": f"{page + 1} of {pages}, the most surprising chunks first",
        },
        blocks.did("fine-tuning", "look"),
    ]


_OF = ": what the model gave the author’s piece"


def _most_surprising_first(found: "StepRead") -> list[int]:
    import numpy as np

    scored = (found.action != 0).sum(axis=1)
    means = np.nansum(found.nats, axis=1) / np.maximum(scored, 1)
    return np.argsort(-means, kind="stable").tolist()


def _lane(found: "StepRead", row: int, place: int, prepared: "Prepared") -> dict[str, Any]:
    """One chunk: the author's pieces, those that were scored coloured by their surprise."""
    import numpy as np

    convert = prepared.tokenizer.convert_ids_to_tokens
    author, read = convert(found.original[row].tolist()), convert(found.read[row].tolist())
    words: list[dict[str, Any]] = []
    group: list[Piece] = []
    for at, text in enumerate(author):
        if group and (found.word_starts[row, at] or found.special[row, at]):
            words.append(blocks.word(*group))
            group = []
        if found.special[row, at]:
            group.append(Piece(text=text, kind="special"))
        elif found.action[row, at]:
            group.append(_scored(text, read[at], int(found.action[row, at]), float(found.nats[row, at])))
        else:
            group.append(Piece(text=text))
    words.append(blocks.word(*group))
    nats = found.nats[row][np.isfinite(found.nats[row])]
    mean = f"{nats.mean():.2f} nats a scored piece" if len(nats) else "nothing scored"
    return blocks.lane(words, name=f"Chunk {place}", note=mean)


def _scored(author: str, read: str, action: int, nats: float) -> Piece:
    import math

    from lab.masking import ACTIONS

    how = {"masked": "hidden", "random": f"swapped for {read}", "kept": "left in sight"}[ACTIONS[action]]
    return Piece(
        text=author,
        heat=heat(math.exp(-nats)),
        mark=True,
        tip=(
            ("author’s piece", author),
            ("for the model", how),
            ("surprise", f"{nats:.2f} nats"),
            ("probability", percent(math.exp(-nats))),
        ),
        note=f"surprise {nats:.1f} nats",
    )
