"""What the learner takes along: their runs, and the lines to go on with."""

from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.runs import about_run
from lessons.components.source import where
from lessons.fill_mask.models import trained
from lessons.materials.using import model_name


def runs(using: Using) -> list[Block]:
    """The learner's runs with what they came to."""
    rows = []
    for run in trained(using):
        summary = run.summary()
        before, after = summary.get("perplexity_before"), summary.get("perplexity")
        rows.append([model_name(run.id), about_run(run), *(f"{p:.1f}" if p else "–" for p in (before, after))])
    if not rows:
        return [
            blocks.say(
                "You have trained no model yet. It is the one thing in this lab that you should not leave without: "
                "[train one in lesson 5](?lesson=fine-tuning)."
            )
        ]
    return [
        blocks.table("Your runs", ("", "how", "perplexity at first", "in the end"), rows),
        blocks.say(
            "[Lesson 6](?lesson=perplexity) says which of these perplexities may be compared, and whether a gain is real."
        ),
    ]


def take_along(using: Using) -> list[Block]:
    """The lines that use the learner's newest model, or the bundled one, outside of the page."""
    name = next((run.id for run in trained(using)), using.model)
    with_lab = f"""from lab.fill_mask import fill
from lab.model import load

model = load({name!r}, device="cpu")
print(fill(model, "This is a great [MASK].", top_k=3).completed)"""
    plain = f"""from transformers import pipeline

ask = pipeline("fill-mask", model={where(name)})
for answer in ask(f"This is a great {{ask.tokenizer.mask_token}}.", top_k=3):
    print(answer["token_str"], answer["score"])"""
    return [blocks.code(with_lab, plain, "Take the model along")]
