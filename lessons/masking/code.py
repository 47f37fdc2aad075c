"""The lines that make the pictures: with `lab`, and with plain transformers."""

from typing import TYPE_CHECKING

from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.source import made, where
from lessons.masking.lanes import STRATEGIES, Dials, Strategy, drawn

if TYPE_CHECKING:
    from lab.passages import Passage


def lanes(passage: "Passage", dials: Dials, model: str) -> Block:
    """Both lanes as they are on the screen."""
    calls = "\n".join(f"lane({made(dials.masking(strategy))})" for strategy in STRATEGIES)
    with_lab = f"""from lab.config import Masking
from lab.masking import Vocabulary
from lab.model import load_tokenizer
from lab.passages import Passage
from lab.redraws import draw

tokenizer = load_tokenizer({model!r})
passage = Passage.of(tokenizer, {passage.text!r})


def lane(masking):
    drawn = draw(passage, masking, Vocabulary.of(tokenizer), seed={dials.dice["seed"]}, draw={dials.dice["draw"]})
    print(" ".join(tokenizer.convert_ids_to_tokens(drawn.seen)))
    print(len(drawn.selected), "scored,", len(drawn.leaking), "leak")


{calls}"""
    plain = "\n".join(_by_hand(passage, dials, model, strategy) for strategy in STRATEGIES)
    with_transformers = f"""from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained({where(model)})
encoded = tokenizer({passage.text!r})
word_ids = encoded.word_ids()


def lane(masked, swapped, kept):
    input_ids, selected = list(encoded["input_ids"]), {{*masked, *swapped, *kept}}
    labels = [id if at in selected else -100 for at, id in enumerate(input_ids)]  # -100: not scored
    for at in masked:
        input_ids[at] = tokenizer.mask_token_id
    for at, id in swapped.items():
        input_ids[at] = id
    seen = {{word for at, word in enumerate(word_ids) if word is not None and at not in selected}}
    print(" ".join(tokenizer.convert_ids_to_tokens(input_ids)))
    print(sum(label != -100 for label in labels), "scored,", sum(word_ids[at] in seen for at in selected), "leak")


# How the lab's dice fell: positions, and the ids that were swapped in. First token masking, then whole words.
{plain}"""
    return blocks.code(with_lab, with_transformers)


def _by_hand(passage: "Passage", dials: Dials, model: str, strategy: Strategy) -> str:
    from lab.masking import KEPT, MASKED, RANDOM

    lane = drawn(passage, dials, model, strategy)

    def places(action: int) -> list[int]:
        return [at for at in lane.selected if lane.action[at] == action]

    swapped = {at: lane.seen[at] for at in places(RANDOM)}
    return f"lane(masked={places(MASKED)}, swapped={swapped}, kept={places(KEPT)})"


def own(passage: "Passage", hidden: list[int], model: str) -> Block:
    """What the model answers at the word that was hidden last."""
    word = hidden[-1]
    with_lab = f"""from lab.clues import ask
from lab.model import load
from lab.passages import Passage

loaded = load({model!r}, device="cpu")
passage = Passage.of(loaded.tokenizer, {passage.text!r})
(answer,) = ask(loaded, passage, {hidden}, about=[{word}])  # the numbers of the words
for blank in answer.blanks:
    print(blank.piece, f"{{blank.probability:.4f}}", blank.best[0][0])"""
    with_transformers = f"""import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained({where(model)})
model = AutoModelForMaskedLM.from_pretrained({where(model)}, dtype=torch.float32).eval()
true = tokenizer({passage.text!r}, return_tensors="pt")["input_ids"]
reads = true.clone()
reads[0, {[at for number in hidden for at in passage.words[number]]}] = tokenizer.mask_token_id
with torch.inference_mode():
    probabilities = model(reads).logits[0].softmax(dim=-1)
for at in {list(passage.words[word])}:
    best = tokenizer.convert_ids_to_tokens(int(probabilities[at].argmax()))
    print(tokenizer.convert_ids_to_tokens(int(true[0, at])), f"{{probabilities[at, true[0, at]]:.4f}}", best)"""
    return blocks.code(with_lab, with_transformers)
