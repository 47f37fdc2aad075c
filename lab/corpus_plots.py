"""Plots of a corpus: how long its documents are, what a chunk size does to them, and what a vocabulary's size does."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.plots import blank

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from lab.chunk_sizes import Outlook

_HERE = {"color": "var(--ink)", "dash": "dash", "width": 1.5}


def lengths(sizes: np.ndarray, chunk_size: int, around: int) -> "go.Figure":
    """How many documents are how long, in pieces, beside what a chunk has room for with `around` special tokens.

    The longest hundredth shares the last bar.
    """
    figure = blank("pieces in a document", "documents")
    longest = max(int(np.percentile(sizes, 99)), chunk_size, 1)
    counts, edges = np.histogram(np.minimum(sizes, longest), bins=min(40, longest), range=(0, longest))
    inside = (edges[:-1] + edges[1:]) / 2
    figure.add_bar(
        x=inside.tolist(),
        y=counts.tolist(),
        width=np.diff(edges).tolist(),
        name="documents",
        marker={"color": "var(--accent-soft)", "line": {"color": "var(--accent)", "width": 1}},
        customdata=np.stack([np.ceil(edges[:-1]), np.floor(edges[1:])], axis=1).astype(int).tolist(),
        hovertemplate="%{y} of %{customdata[0]} to %{customdata[1]} pieces<extra></extra>",
    )
    figure.add_vline(
        x=chunk_size - around,
        line=_HERE,
        annotation={"text": f"a chunk of {chunk_size}", "font": {"color": "var(--ink)"}, "yanchor": "bottom"},
    )
    figure.update_layout(showlegend=False, bargap=0, margin={"t": 28})
    figure.update_xaxes(range=[0, longest])
    return figure


def losses(outlooks: "Sequence[Outlook]", chunk_size: int) -> "go.Figure":
    """The share of all pieces that is lost, over chunk sizes: by truncating each document, and by concatenating them."""
    figure = blank("chunk size", "pieces lost")
    sizes = [each.chunk_size for each in outlooks]
    for name, lost, dash, symbol, colour in (
        ("truncating each document", [each.lost_truncating for each in outlooks], "dash", "square", "var(--doc-2)"),
        ("concatenating them all", [each.lost_concatenating for each in outlooks], "solid", "circle", "var(--accent)"),
    ):
        figure.add_scatter(
            x=sizes,
            y=[count / each.pieces for count, each in zip(lost, outlooks, strict=True)],
            customdata=lost,
            name=name,
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2.5},
            marker={"symbol": symbol, "size": 8},
            hovertemplate="%{y:.2%}: %{customdata:,} pieces",
        )
    _sizes_along(figure, sizes, chunk_size, top=1)
    figure.update_yaxes(tickformat=".0%", range=[-0.02, 1.02])
    figure.update_layout(hovermode="x unified")
    return figure


def vocabulary_sizes(curve: Sequence[tuple[int, float]], size: int, other: tuple[int, float]) -> "go.Figure":
    """Pieces for a word over sizes of the vocabulary, beside another tokenizer's."""
    figure = blank("pieces in the vocabulary", "pieces for a word")
    figure.add_scatter(
        x=[each for each, _ in curve],
        y=[pieces for _, pieces in curve],
        name="byte-level BPE, learned here",
        mode="lines+markers",
        line={"color": "var(--accent)", "width": 2.5},
        marker={"size": 8},
    )
    figure.add_scatter(
        x=[other[0]],
        y=[other[1]],
        name="the tokenizer in use",
        mode="markers",
        marker={"symbol": "diamond", "size": 12, "color": "var(--doc-2)"},
    )
    sizes = [2**i for i in range(8, 16)]
    _sizes_along(figure, sizes, size, top=max([other[1], *(pieces for _, pieces in curve)]))
    figure.update_yaxes(rangemode="tozero")
    return figure


def _sizes_along(figure: "go.Figure", sizes: Sequence[int], here: int, top: float) -> None:
    """A logarithmic axis that names these sizes, and a line at the one in use."""
    ticks: dict[str, Any] = {"type": "log", "tickvals": list(sizes), "ticktext": [f"{size:,}" for size in sizes]}
    figure.update_xaxes(**ticks)
    # A series and not a shape: shapes and axes don't agree on what a place on a logarithmic axis is.
    figure.add_scatter(x=[here, here], y=[0, top], name=f"now: {here:,}", mode="lines", line=_HERE, hoverinfo="skip")
