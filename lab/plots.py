"""Plots: Plotly figures of what the lab measures. Plotly is imported only here.

Colours are names of the page's stylesheet (`var(--accent)`), which the page puts in as it draws, in light and in dark; a
notebook shows them in Plotly's own. Series differ in dash or marker too, never by colour alone.
"""

import plotly.graph_objects as go


def blank(x: str, y: str, *, log_y: bool = False) -> go.Figure:
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
            "template": None,
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
