"""The shell: a rail of links over one hidden `gr.Tabs`, real addresses, and what all lessons use."""

import json
import math
import os
from pathlib import Path
from typing import Any

import gradio as gr
import plotly
from starlette.middleware import Middleware

from assets.theme import head, theme
from lab.home import home
from lessons import api
from lessons.bench import LARGEST_UPLOAD, is_warm, wait_until_warm
from lessons.catalog import lessons
from lessons.components.blocks import say
from lessons.components.view import view
from lessons.guard import UploadGuard
from lessons.materials.using import using_panel

PLOTLY = Path(plotly.__file__).parent / "package_data"
_SYNC = "(...values) => lab.remember({lesson}, {names}, values)"


def build() -> gr.Blocks:
    """The whole app, not yet launched."""
    gr.set_static_paths([PLOTLY])
    with gr.Blocks(title="Masked Language Lab", analytics_enabled=False, delete_cache=(600, 3600)) as app:
        app.queue(
            max_size=64, default_concurrency_limit=8
        )  # while it is empty: `queue` builds all routes and the config anew
        with gr.Row(elem_classes="shell"):
            with gr.Column(elem_classes="rail", min_width=0):
                using = using_panel()
                rail = gr.HTML(
                    None,
                    html_template='<div class="rail-content"></div>',
                    js_on_load="lab.shell({element, trigger}, ['open']);",
                    apply_default_css=False,
                )
            with gr.Column(elem_classes="stage", min_width=0):
                banner = view([], elem_classes="banner")
                pages = {}
                with gr.Tabs(elem_classes="lessons", selected="_") as tabs:
                    gr.Tab("_", id="_")  # nothing is mounted before the address is read
                    for lesson in lessons():
                        with gr.Tab(lesson.title, id=lesson.id, elem_id=f"lesson-{lesson.id}"):
                            pages[lesson.id] = lesson.page()(lesson, using)
                            pages[lesson.id].build()
        _connect(app, rail, banner, tabs, pages)
        api.declare()
    return app


def _connect(app: gr.Blocks, rail: gr.HTML, banner: gr.HTML, tabs: gr.Tabs, pages: dict[str, Any]) -> None:
    """Addresses to controls and back, and word of the warming-up."""
    quiet: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    controls = [(id, name, each) for id, page in pages.items() for name, each in page.settings().items()]
    every = [control for _, _, control in controls]

    def filled(lesson: str, given: dict[str, Any]) -> list[Any]:
        return [
            fit(control, given[name]) if id == lesson and name in given else gr.skip() for id, name, control in controls
        ]

    def start(request: gr.Request) -> list[Any]:
        given = dict(request.query_params)
        lesson = given.get("lesson")
        return [gr.Tabs(selected=lesson if lesson in pages else next(iter(pages))), *filled(str(lesson), given)]

    def back(event: gr.EventData) -> list[Any]:
        given = event.settings if isinstance(event.settings, dict) else {}
        return filled(str(event.lesson), given)

    app.load(start, None, [tabs, *every], **quiet)
    if every:
        went = rail.open(back, None, every, **quiet)
        went.then(None, None, None, js="() => lab.reopen(lab.here())", api_visibility="private")
    for id, page in pages.items():
        mine = page.settings()
        if mine:
            names = json.dumps(list(mine))
            js = _SYNC.format(lesson=json.dumps(id), names=names)
            gr.on([each.change for each in mine.values()], None, list(mine.values()), None, js=js, show_progress="hidden")

    def warming() -> Any:
        if is_warm():
            return gr.skip()
        return [
            say(
                "The lab is warming up: it loads PyTorch and the model, some seconds after each start. Pictures follow.",
                tone="waiting",
                live=True,
            )
        ]

    def warmed() -> Any:
        wait_until_warm()
        return []

    app.load(warming, None, banner, **quiet).then(warmed, None, banner, **quiet)


def fit(control: Any, raw: Any) -> Any:
    """A value from an address as the control takes it; what it doesn't take is passed over."""
    try:
        if isinstance(control, gr.Slider | gr.Number):
            value = float(raw)
            if not math.isfinite(value):
                return gr.skip()
            low = -(2**53) if control.minimum is None else control.minimum
            high = 2**53 if control.maximum is None else control.maximum
            value = min(max(value, low), high)
            step = getattr(control, "step", None) if isinstance(control, gr.Slider) else None
            whole = getattr(control, "precision", None) == 0 or (step is not None and float(step).is_integer())
            return round(value) if whole else value
        if isinstance(control, gr.Checkbox):
            return str(raw).lower() in ("true", "1")
        if isinstance(control, gr.Radio | gr.Dropdown):
            known = [value for _, value in control.choices]
            return raw if raw in known else gr.skip()
        return str(raw)[:2000]
    except (ValueError, OverflowError):
        return gr.skip()


def launch_options() -> dict[str, Any]:
    """What `launch` is given besides the address: the look, and nothing that asks another host."""
    incoming = home() / "incoming"
    os.environ["GRADIO_TEMP_DIR"] = str(incoming)
    known = [{"id": each.id, "title": each.title, "order": each.order, "steps": each.steps} for each in lessons()]
    settings = {"lessons": known, "plotly": f"gradio_api/file={PLOTLY}/plotly.min.js"}
    return {
        "theme": theme(),
        "head": head(f"window.lab ||= {{}}; lab.settings = {json.dumps(settings)};"),
        "footer_links": ["api"],
        "ssr_mode": False,
        "run_history": False,
        "enable_monitoring": False,
        "show_error": False,
        "strict_cors": True,
        "max_file_size": LARGEST_UPLOAD,
        "app_kwargs": {"middleware": [Middleware(UploadGuard, folder=incoming)]},
    }
