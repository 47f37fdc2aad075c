"""The panel that carries, for every handler, which corpus and model are in use; the rail tells them."""

from typing import Any

import gradio as gr

from lab import hub
from lab.errors import LabError
from lessons.bench import Using, run_of, wait_until_warm


def using_panel() -> gr.HTML:
    """Its value is {"corpus", "model", "runs"}, set in the browser: see `assets/materials.js`."""
    return gr.HTML(
        {"corpus": "reviews", "model": "bundled", "runs": []},
        html_template="<span hidden></span>",
        js_on_load="lab.usingPanel({props, server});",
        server_functions=[describe_using],
        elem_classes=["unseen"],
        apply_default_css=False,
    )


def describe_using(payload: Any) -> dict[str, str]:
    """What is in use, in a few words each, for the rail."""
    wait_until_warm()
    from lab.hardware import choose, describe

    try:
        using = Using.of(payload)
        model = model_name(using.model)
        chosen = choose()
    except LabError as error:
        return {"corpus": "reviews", "model": str(error), "hardware": ""}
    return {
        "corpus": corpus_name(using.corpus),
        "model": model,
        "hardware": f"{describe(chosen.device)}, {chosen.precision}",
    }


def corpus_name(corpus: str) -> str:
    """A corpus in a few words."""
    return {"reviews": "bundled reviews", "imdb": "IMDB"}.get(corpus, "your own file")


def model_name(model: str) -> str:
    """A model in a few words. Raises ModelError for a run that is gone."""
    if model == "bundled":
        return "small DistilBERT, bundled"
    if model in hub.MODELS:
        return model.partition("/")[2]
    run_of(model)
    return f"run {model.rpartition('-')[2]}"
