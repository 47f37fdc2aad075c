"""Plots: each shows what it is given, in the page's colours, and never tells two series apart by colour alone."""

import json
import re

import numpy as np
import pytest

from lab import plots
from lab.evaluation import Comparison
from lab.events import Evaluated
from lab.surprise import add_up, concentrate

NATS = [0.1, 4.0, 2.0, 7.5]


def curve(*perplexities):
    return [
        Evaluated(step=i * 5, seconds=1.0, epoch=float(i), perplexity=p, mean_nll=np.log(p), accuracy=0.3, positions=9)
        for i, p in enumerate(perplexities)
    ]


FIGURES = {
    "surprises": lambda: plots.surprises(NATS, add_up(NATS), 2),
    "concentration": lambda: plots.concentration(concentrate(np.array(NATS)), 0.1),
    "curves": lambda: plots.perplexity_curves({"one": curve(70, 60), "two": curve(71, 50)}, {"by frequency": 900.0}),
    "accuracy": lambda: plots.accuracy_curves({"one": curve(70, 60), "two": curve(71, 50)}),
    "selected": lambda: plots.selected_counts({"token": np.array([3, 0, 3]), "whole": np.array([1, 2, 2])}, 1.5),
    "redraws": lambda: plots.redraws({"before": [70.0, 60.0], "after": [69.0]}, expected=3),
    "intervals": lambda: plots.intervals({"all": Comparison(0.9, 0.85, 0.95, 20, 2000)}),
}


@pytest.mark.parametrize("name", FIGURES)
def test_colours_are_names_of_the_stylesheet(name):
    figure = FIGURES[name]().to_json()
    colours = re.findall(r'"color": ?"([^"]+)"', figure) + re.findall(r'"\w*color": ?"([^"]+)"', figure)
    assert colours
    assert all(colour.startswith("var(--") or colour == "rgba(0,0,0,0)" for colour in colours)
    assert "NaN" not in figure


def test_series_differ_in_dash_and_marker():
    lines = FIGURES["curves"]().data[1:]
    assert len({line.line.dash for line in lines}) == len({line.marker.symbol for line in lines}) == 2


def test_every_perplexity_plot_carries_its_baselines_and_opens_on_the_curves():
    figure = FIGURES["curves"]()
    assert figure.data[0].name == "by frequency 900"
    low, high = (10**value for value in figure.layout.yaxis.range)
    assert 40 < low < 50 < 71 < high < 90


def test_a_run_with_no_score_yet_still_makes_a_picture():
    json.loads(plots.perplexity_curves({"new": []}, {"blind": 30522.0}).to_json())


def test_only_the_pieces_added_up_are_shown():
    bars, mean = FIGURES["surprises"]().data
    assert list(bars.y) == NATS[:2]
    assert mean.y[-1] == pytest.approx(2.05)


def test_a_difference_that_is_not_real_is_drawn_hollow():
    figure = plots.intervals({"real": Comparison(0.9, 0.85, 0.95, 20, 9), "not": Comparison(0.99, 0.9, 1.1, 20, 9)})
    assert figure.data[0].marker.symbol == ("circle", "circle-open")
    assert figure.data[0].error_x.array[1] == pytest.approx(11)


def test_the_worst_pieces_are_marked_where_they_stand_on_the_curve():
    *_, mark = plots.concentration(concentrate(np.array([1.0] * 9 + [11.0])), 0.1).data
    assert mark.y[1] == pytest.approx(0.55)


def test_draws_are_counted_by_how_many_pieces_they_select():
    token, whole = FIGURES["selected"]().data
    assert (list(token.x), list(token.y)) == ([0, 1, 2, 3], [1, 0, 0, 2])
    assert list(whole.y) == [0, 1, 2]
    assert token.line.dash != whole.line.dash
