"""Onto the Hub: the learner's model, in their own name, with their own token, which is used once and kept nowhere."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from lab import jobs
from lab.errors import RunError, require
from lessons import bench
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.fill_mask.models import trained
from lessons.materials.using import model_name


def choice(using: Using) -> tuple[list[Block], str]:
    """Which run would be uploaded, in words and by its id: the one in use, else the newest."""
    runs = trained(using)
    run = next((each for each in runs if each.id == using.model), next(iter(runs), None))
    if run is None:
        return [blocks.say("You have trained no model yet, so there is nothing to upload.")], ""
    return [
        blocks.say(
            "What goes up is {run}: the model, its tokenizer, and a card that says what it was made from, how, and how "
            "well it does, computed anew on its held-out text.",
            run=model_name(run.id),
        )
    ], run.id


def push(_using: Using, run: str, owner: str, repo: str, token: str, private: bool) -> Iterator[tuple[list[Block], Any]]:
    """Score, write the card, upload. The token field is emptied at once."""
    yield blocks.waiting("Looking at the run …"), ""
    require(bool(run), "You have trained no model yet, so there is nothing to upload.", RunError)
    found, repo, token = bench.run_of(run), (repo or "").strip(), (token or "").strip()
    require(jobs.owns(run, owner or ""), "Only whoever started a run may upload its model.", RunError)
    # Never the token of the computer that runs the lab: whoever presses the button uploads in their own name.
    require(bool(token), "Give a token of yours that may write. You make one in your settings on the Hub.")
    from lab import publish

    publish.check(found, repo)
    yield blocks.waiting("Scoring the model and its base for the card …"), gr.skip()
    card = publish.model_card(found, repo, publish.score_run(found))
    yield blocks.waiting("Uploading …"), gr.skip()
    address = publish.upload(found, repo, card, token=token, private=bool(private))
    told = blocks.say("Your model is on the Hub: {address}", tone="good", live=True, address=address)
    yield [told], gr.skip()
