"""Clues: what the model answers where words are hidden, and what it loses with a sibling or another mention."""

import pytest
import torch

from lab.clues import ask, mentions, siblings
from lab.config import Masking
from lab.errors import SettingError
from lab.masking import Vocabulary
from lab.model import load
from lab.passages import Passage
from lab.redraws import draw

LOADED = load("bundled", device="cpu")
TEXT = "The stubborn mule was an unwatchable animal, so we led the stubborn mule home and fed it."
PASSAGE = Passage.of(LOADED.tokenizer, TEXT)
WORDS = [PASSAGE.written(number) for number in range(len(PASSAGE.words))]
MULE, OTHER, LONG = WORDS.index("mule"), len(WORDS) - 1 - WORDS[::-1].index("mule"), WORDS.index("unwatchable")


def by_the_model(hidden_places, at):
    """Plain transformers: the whole output, the hidden places as [MASK]."""
    ids = torch.tensor([[piece.id for piece in PASSAGE.pieces]])
    ids[0, list(hidden_places)] = LOADED.tokenizer.mask_token_id
    with torch.inference_mode():
        return LOADED.model(input_ids=ids).logits[0, at].softmax(-1)


def test_the_answers_are_those_of_the_plain_model():
    (answer,) = ask(LOADED, PASSAGE, [MULE], about=[MULE])
    (at,) = PASSAGE.words[MULE]
    plain = by_the_model([at], at)
    assert answer.probability == pytest.approx(float(plain[PASSAGE.pieces[at].id]), rel=1e-4)
    assert answer.blanks[0].best[0][0] == LOADED.tokenizer.convert_ids_to_tokens(int(plain.argmax()))
    assert answer.mention_in_sight is None


def test_a_word_is_spelled_from_left_to_right():
    (answer,) = ask(LOADED, PASSAGE, [LONG], about=[LONG])
    places = PASSAGE.words[LONG]
    for i, at in enumerate(places):
        assert answer.spelled[i] == pytest.approx(float(by_the_model(places[i:], at)[PASSAGE.pieces[at].id]), rel=1e-4)
        together = float(by_the_model(places, at)[PASSAGE.pieces[at].id])
        assert answer.blanks[i].probability == pytest.approx(together, rel=1e-4)
    assert answer.probability == pytest.approx(answer.spelled[0] * answer.spelled[1] * answer.spelled[2])


def test_with_the_other_mention_hidden_too_the_one_in_sight_is_told_beside_it():
    hidden, alone = (ask(LOADED, PASSAGE, words, about=[MULE], compared=[MULE])[0] for words in ([MULE, OTHER], [MULE]))
    assert hidden.mention_in_sight == pytest.approx(alone.probability, rel=1e-4)
    assert hidden.probability < alone.probability
    assert alone.mention_in_sight is None


def test_all_that_is_hidden_stays_hidden_when_another_word_is_asked_for():
    (answer,) = ask(LOADED, PASSAGE, [LONG, MULE], about=[MULE])
    (at,) = PASSAGE.words[MULE]
    plain = by_the_model([*PASSAGE.words[LONG], at], at)
    assert answer.probability == pytest.approx(float(plain[PASSAGE.pieces[at].id]), rel=1e-4)


def test_each_sibling_clue_differs_from_the_hidden_word_in_its_siblings_alone():
    masking = Masking(mlm_probability=0.5)
    (clues,) = siblings(LOADED, [PASSAGE], masking, seed=3)
    whole = Masking(strategy="whole_word", mlm_probability=0.5, mask_share=1, random_share=0)
    drawn = draw(PASSAGE, whole, Vocabulary.of(LOADED.tokenizer), seed=3)
    assert drawn.at_risk == set(PASSAGE.words[LONG]), "the seed selects the word of several pieces"
    for clue, at in zip(clues, PASSAGE.words[LONG], strict=True):
        id = PASSAGE.pieces[at].id
        others = set(PASSAGE.words[LONG]) - {at}
        assert (clue.word, clue.piece) == ("unwatchable", PASSAGE.pieces[at].text)
        assert clue.hidden == pytest.approx(float(by_the_model(drawn.selected, at)[id]), rel=1e-4)
        assert clue.in_sight == pytest.approx(float(by_the_model(set(drawn.selected) - others, at)[id]), rel=1e-4)


def test_each_mention_is_asked_for_with_the_other_in_sight_and_hidden():
    (clues,) = mentions(LOADED, [PASSAGE])
    found = {(clue.word, round(clue.hidden, 6)) for clue in clues}
    one, other = PASSAGE.words[MULE][0], PASSAGE.words[OTHER][0]
    for at in (one, other):
        id = PASSAGE.pieces[at].id
        assert ("mule", round(float(by_the_model([one, other], at)[id]), 6)) in found
    assert {clue.word for clue in clues} == {"mule", "stubborn"}


def test_a_passage_without_such_words_gives_no_clues():
    plain = Passage.of(LOADED.tokenizer, "It was good.")
    assert list(siblings(LOADED, [plain, plain])) == list(mentions(LOADED, [plain, plain])) == [[], []]


def test_a_text_longer_than_the_model_reads_is_refused_in_a_sentence():
    long = Passage.of(LOADED.tokenizer, "mule " * 600)
    with pytest.raises(SettingError, match="makes 602 pieces, but the model reads 512 at once"):
        ask(LOADED, long, [0], about=[0])
