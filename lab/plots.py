"""Plots: Plotly figures of what the lab measures. Plotly is imported only here and in `lab/corpus_plots.py`.

Colours are names of the page's stylesheet (`var(--accent)`), which the page puts in as it draws, in light and in dark; a
notebook shows them in Plotly's own. Series differ in dash or marker too, never by colour alone.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

if TYPE_CHECKING:
    from lab.evaluation import Comparison
    from lab.events import Evaluated
    from lab.surprise import Concentration, Total


def blank(x: str, y: str, *, log_y: bool = False) -> "go.Figure":
    """A figure with titled axes, in the page's colours, and nothing in it yet."""
    title = {"font": {"size": 13}}
    axis = {
        "gridcolor": "var(--line)",
        "zerolinecolor": "var(--line-2)",
        "linecolor": "var(--line-2)",
        "automargin": True,
    }
    return go.Figure(
        layout={
            "template": "none",  # else Plotly adds its own to every figure: 6 kB, and colours that are not the page's
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": "var(--ink-2)", "size": 13, "family": "system-ui, sans-serif"},
            "margin": {"l": 8, "r": 12, "t": 12, "b": 8},
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "hoverlabel": {"bgcolor": "var(--card)", "bordercolor": "var(--line-2)", "font": {"color": "var(--ink)"}},
            "xaxis": {**axis, "title": {"text": x, **title}},
            "yaxis": {**axis, "title": {"text": y, **title}, "type": "log" if log_y else "linear"},
        }
    )


_SERIES = (  # colour, dash and marker: told apart by any one of them
    ("var(--accent)", "solid", "circle"),
    ("var(--doc-2)", "dash", "square"),
    ("var(--doc-3)", "dot", "diamond"),
    ("var(--doc-4)", "dashdot", "triangle-up"),
    ("var(--doc-1)", "longdash", "cross"),
    ("var(--ink-2)", "longdashdot", "x"),
)


def surprises(nats: Sequence[float], totals: "Sequence[Total]", added: int) -> "go.Figure":
    """The surprise of each scored piece as a bar, the first `added` of them filled, and their mean as it goes."""
    figure = blank("scored piece", "nats")
    numbers = list(range(1, len(nats) + 1))
    figure.add_bar(
        x=numbers[:added],
        y=list(nats[:added]),
        name="surprise",
        marker={"color": "var(--heat-2)", "line": {"color": "var(--heat-4)", "width": 1}},
    )
    figure.add_scatter(
        x=numbers[:added],
        y=[total.mean for total in totals[:added]],
        name="mean so far",
        mode="lines+markers",
        line={"color": "var(--accent)", "width": 2},
        marker={"size": 6},
    )
    figure.update_xaxes(range=[0.4, len(nats) + 0.6], fixedrange=True, dtick=1 if len(nats) <= 12 else 5)
    figure.update_yaxes(range=[0, max(nats, default=1) * 1.08], fixedrange=True)
    return figure


def concentration(found: "Concentration", share: float) -> "go.Figure":
    """How unequally the pieces share in the surprise, and what the worst `share` of them carries."""
    figure = blank("pieces, the most surprising first", "share of all the surprise")
    step = max(1, len(found.pieces) // 400)  # points enough for any screen
    figure.add_scatter(
        x=[*found.pieces[::step].tolist(), 1.0],
        y=[*found.surprise[::step].tolist(), 1.0],
        name="these pieces",
        mode="lines",
        line={"color": "var(--heat-4)", "width": 2.5},
    )
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        name="if all were equally surprising",
        mode="lines",
        line={"color": "var(--ink-3)", "dash": "dash", "width": 1.5},
    )
    carried = found.carried_by(share)
    figure.add_scatter(
        x=[share, share, 0],
        y=[0, carried, carried],
        name=f"the worst {share:.0%}",
        mode="lines+markers",
        line={"color": "var(--accent)", "dash": "dot", "width": 2},
        marker={"size": [0, 10, 0], "color": "var(--accent)"},
    )
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    return figure


def perplexity_curves(
    curves: "Mapping[str, Sequence[Evaluated]]", baselines: Mapping[str, float], *, by_epoch: bool = False
) -> "go.Figure":
    """Held-out perplexity as runs go on, with the baselines (name → perplexity) as level lines.

    The picture opens on the curves; baselines far above them come in sight by zooming out (a double click).
    """
    figure = blank("epoch" if by_epoch else "step", "held-out perplexity", log_y=True)
    points = [point for curve in curves.values() for point in curve]
    last = max((_x(point, by_epoch) for point in points), default=1) or 1
    for name, value in baselines.items():
        figure.add_scatter(
            x=[0, last],
            y=[value, value],
            name=f"{name} {value:,.4g}" if value < 1000 else f"{name} {value:,.0f}",
            mode="lines",
            line={"color": "var(--ink-3)", "dash": "dash", "width": 1.5},
            hoverinfo="name+y",
        )
    for (name, curve), (colour, dash, symbol) in zip(curves.items(), _series(len(curves)), strict=True):
        figure.add_scatter(
            x=[_x(point, by_epoch) for point in curve],
            y=[point.perplexity for point in curve],
            name=name,
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2.5},
            marker={"symbol": symbol, "size": 9},
        )
    values = [point.perplexity for point in points]
    if values:
        low, high = min(values) * 0.96, max(values) * 1.04
        ticks = _ticks(low, high)
        words = [f"{tick:,g}" for tick in ticks]
        figure.update_yaxes(range=[_log10(low), _log10(high)], tickmode="array", tickvals=ticks, ticktext=words)
    figure.update_xaxes(rangemode="tozero")
    return figure


def accuracy_curves(curves: "Mapping[str, Sequence[Evaluated]]", *, by_epoch: bool = False) -> "go.Figure":
    """How often the first choice was the author's piece, as runs go on."""
    figure = blank("epoch" if by_epoch else "step", "accuracy")
    for (name, curve), (colour, dash, symbol) in zip(curves.items(), _series(len(curves)), strict=True):
        figure.add_scatter(
            x=[_x(point, by_epoch) for point in curve],
            y=[point.accuracy for point in curve],
            name=name,
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2.5},
            marker={"symbol": symbol, "size": 9},
        )
    figure.update_yaxes(tickformat=".1%")
    figure.update_xaxes(rangemode="tozero")
    figure.update_layout(showlegend=len(curves) > 1)
    return figure


def redraws(perplexities: Mapping[str, Sequence[float]], expected: int) -> "go.Figure":
    """The perplexities of one model or two, draw of the masks by draw, joined for each; room for `expected` draws."""
    figure = blank("draw of the masks", "perplexity")
    for (name, values), (colour, dash, symbol) in zip(perplexities.items(), _series(len(perplexities)), strict=True):
        figure.add_scatter(
            x=list(range(1, len(values) + 1)),
            y=list(values),
            name=name,
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 1.5},
            marker={"symbol": symbol, "size": 10, "color": colour},
        )
    figure.update_xaxes(range=[0.6, expected + 0.4], dtick=1)
    return figure


def intervals(comparisons: "Mapping[str, Comparison]") -> "go.Figure":
    """Changes of the perplexity in percent with their 95 % intervals, beside the line of no change; the first is on top."""
    figure = blank("change, %", "")
    rows = list(comparisons.items())
    percent = [[(value - 1) * 100 for value in (each.ratio, each.low, each.high)] for _, each in rows]
    figure.add_scatter(
        x=[value for value, _, _ in percent],
        y=[name for name, _ in rows],
        mode="markers",
        showlegend=False,
        marker={
            "symbol": ["circle" if each.real else "circle-open" for _, each in rows],
            "size": 12,
            "color": "var(--accent)",
            "line": {"color": "var(--accent)", "width": 2},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - value for value, _, high in percent],
            "arrayminus": [value - low for value, low, _ in percent],
            "color": "var(--accent)",
            "thickness": 2.5,
            "width": 7,
        },
        hovertemplate="%{y}: %{x:+.1f} %<extra></extra>",
    )
    figure.add_vline(x=0, line={"color": "var(--ink)", "width": 1.5, "dash": "dash"})
    figure.update_yaxes(autorange="reversed", type="category")
    return figure


def selected_counts(counts: "Mapping[str, np.ndarray]", expected: float) -> "go.Figure":
    """How many draws of the masks select how many pieces of one passage, by strategy, beside the expected number."""
    figure = blank("pieces selected in a draw", "draws")
    for (name, values), (colour, dash, symbol) in zip(counts.items(), _series(len(counts)), strict=True):
        draws = np.bincount(values)
        figure.add_scatter(
            x=list(range(len(draws))),
            y=draws.tolist(),
            name=name,
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2},
            marker={"symbol": symbol, "size": 6, "color": colour},
            hovertemplate="%{y} draws select %{x}",
        )
    figure.add_vline(x=expected, line={"color": "var(--ink)", "width": 1.5, "dash": "dash"})
    figure.update_xaxes(range=[-0.5, max((int(each.max()) for each in counts.values()), default=1) + 0.5])
    figure.update_yaxes(rangemode="tozero")
    return figure


def _series(count: int) -> list[tuple[str, str, str]]:
    return [_SERIES[i % len(_SERIES)] for i in range(count)]


def _x(point: "Evaluated", by_epoch: bool) -> float:
    return point.epoch if by_epoch else point.step


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between two bounds, and powers of ten beyond: for an axis that opens on the one and zooms to the other.

    >>> _ticks(66, 77)
    [66, 68, 70, 72, 74, 76, 1, 10, 100, 1000, 10000, 100000]
    """
    step = 10 ** math.floor(math.log10((high - low) / 2 or 1))
    step *= next(times for times in (5, 2, 1) if times * step * 4 <= high - low or times == 1)
    inside = [round(step * i, 10) for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return [*inside, *(10**i for i in range(6) if not low <= 10**i <= high)]


def _log10(value: float) -> float:
    return math.log10(max(value, 1e-12))
