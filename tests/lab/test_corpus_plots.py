"""Plots of a corpus: they show what was counted, in the page's colours, told apart by more than colour."""

import json

import numpy as np
import pytest

from lab import corpus_plots
from lab.chunk_sizes import outlook
from lab.chunking import Chunking, SpecialTokens
from lab.tokenization import Tokens

SIZES = np.array([5, 40, 41, 90, 300])
TOKENS = Tokens(np.arange(476, dtype=np.int32), np.ones(476, bool), np.cumsum([0, *SIZES]))
OUTLOOKS = [outlook(TOKENS, Chunking(chunk_size=size), SpecialTokens((101,), (102,), 0)) for size in (16, 64, 256)]
PLOTS = {
    "lengths": corpus_plots.lengths(SIZES, 64, 2),
    "losses": corpus_plots.losses(OUTLOOKS, 64),
    "vocabulary": corpus_plots.vocabulary_sizes([(256, 5.0), (512, 3.0)], 512, (30_522, 1.3)),
}


@pytest.mark.parametrize("name", PLOTS)
def test_colours_are_names_of_the_stylesheet(name):
    drawn = PLOTS[name].to_json()
    assert "var(--accent)" in drawn
    assert "#" not in json.dumps(json.loads(drawn)["data"])


@pytest.mark.parametrize("name", PLOTS)
def test_numbers_are_plain_lists(name):
    assert "bdata" not in PLOTS[name].to_json()


def test_every_document_is_in_one_bar_and_the_line_stands_at_what_fits():
    figure = PLOTS["lengths"]
    assert sum(figure.data[0].y) == len(SIZES)
    assert figure.layout.shapes[0].x0 == 62


def test_losses_are_shares_of_all_pieces_with_their_counts():
    truncating, concatenating, now = PLOTS["losses"].data
    assert list(truncating.customdata) == [each.lost_truncating for each in OUTLOOKS]
    assert list(concatenating.y) == [each.lost_concatenating / 476 for each in OUTLOOKS]
    assert truncating.line.dash != concatenating.line.dash
    assert truncating.marker.symbol != concatenating.marker.symbol
    assert list(now.x) == [64, 64]


def test_documents_of_one_length_make_a_picture():
    figure = corpus_plots.lengths(np.array([1, 1]), 16, 2)
    assert sum(figure.data[0].y) == 2
