"""The lab's Gradio theme: Gradio's own parts take their colours, type and spaces from tokens.css, in light and in dark."""

from pathlib import Path

import gradio as gr

FOLDER = Path(__file__).parent
STYLESHEETS = (
    "tokens.css",
    "page.css",
    "blocks.css",
    "be_the_model.css",
    "chunking.css",
    "masking.css",
    "perplexity.css",
    "fill_mask.css",
    "live.css",
)
SCRIPTS = (
    "store.js",
    "dom.js",
    "blocks.js",
    "ribbon.js",
    "questions.js",
    "code.js",
    "plot.js",
    "materials.js",
    "be_the_model.js",
    "masking.js",
    "perplexity.js",
    "fill_mask.js",
    "run_log.js",
    "run_curve.js",
    "live.js",
    "runs.js",
    "shell.js",
)

_COLOURS = {
    "body_background_fill": "paper",
    "body_text_color": "ink",
    "body_text_color_subdued": "ink-2",
    "background_fill_primary": "card",
    "background_fill_secondary": "paper",
    "border_color_primary": "line",
    "border_color_accent": "accent",
    "color_accent_soft": "accent-soft",
    "link_text_color": "accent-ink",
    "link_text_color_hover": "accent",
    "link_text_color_active": "accent-ink",
    "link_text_color_visited": "accent-ink",
    "block_background_fill": "card",
    "block_border_color": "line",
    "block_label_background_fill": "card",
    "block_label_text_color": "ink-2",
    "block_title_text_color": "ink",
    "block_info_text_color": "ink-2",
    "panel_background_fill": "paper",
    "input_background_fill": "card",
    "input_background_fill_focus": "card",
    "input_border_color": "line-2",
    "input_border_color_focus": "accent",
    "input_placeholder_color": "ink-3",
    "checkbox_background_color": "card",
    "checkbox_background_color_selected": "accent",
    "checkbox_border_color": "ink-3",
    "checkbox_border_color_selected": "accent",
    "checkbox_label_background_fill": "card",
    "checkbox_label_background_fill_hover": "accent-soft",
    "checkbox_label_background_fill_selected": "accent-soft",
    "checkbox_label_text_color": "ink",
    "checkbox_label_text_color_selected": "accent-ink",
    "checkbox_label_border_color": "line-2",
    "checkbox_label_border_color_selected": "accent",
    "slider_color": "accent",
    "loader_color": "accent",
    "button_primary_background_fill": "accent",
    "button_primary_background_fill_hover": "accent-ink",
    "button_primary_border_color": "accent",
    "button_primary_text_color": "on-accent",
    "button_primary_text_color_hover": "on-accent",
    "button_secondary_background_fill": "card",
    "button_secondary_background_fill_hover": "accent-soft",
    "button_secondary_border_color": "line-2",
    "button_secondary_text_color": "ink",
    "button_cancel_background_fill": "bad-soft",
    "button_cancel_background_fill_hover": "bad-soft",
    "button_cancel_border_color": "bad",
    "button_cancel_text_color": "bad",
    "button_cancel_text_color_hover": "bad",
    "error_background_fill": "bad-soft",
    "error_border_color": "bad",
    "error_text_color": "bad",
    "error_icon_color": "bad",
    "table_border_color": "line",
    "table_even_background_fill": "card",
    "table_odd_background_fill": "card",
    "code_background_fill": "paper",
}


def theme() -> gr.themes.Base:
    """The theme for `launch`. It asks no other host for fonts."""
    base = gr.themes.Base(
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"],
        font_mono=["ui-monospace", "SF Mono", "Cascadia Mono", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace"],
    )
    colours = {}
    for name, token in _COLOURS.items():
        colours[name] = colours[f"{name}_dark"] = f"var(--{token})"
    return base.set(
        **colours,
        block_border_width="0px",
        block_border_width_dark="0px",
        block_shadow="none",
        block_shadow_dark="none",
        block_radius="10px",
        block_padding="12px 0",
        block_info_text_size="14px",
        input_border_width="1px",
        input_border_width_dark="1px",
        input_radius="6px",
        button_large_radius="6px",
        button_small_radius="6px",
        layout_gap="16px",
        form_gap_width="0px",
    )


def head(settings: str) -> str:
    """What stands in the page's head: all stylesheets, then `settings` (JavaScript), then all scripts."""
    styles = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in STYLESHEETS)
    scripts = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return f"<style>{styles}</style><script>{settings}\n{scripts}</script>"
