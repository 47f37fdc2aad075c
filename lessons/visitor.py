"""Visitor: who asks, as far as a server can tell, so that nobody takes all the places in the queue."""

import os

import gradio as gr


def visitor(request: gr.Request | None) -> str:
    """The visitor's address. Behind a proxy that is the last hop that the proxy has noted (LAB_BEHIND_PROXY=1 says there is
    one); without, whatever a visitor claims to be forwarded for counts for nothing.
    """
    if request is None or request.client is None:
        return ""
    if os.environ.get("LAB_BEHIND_PROXY", "").lower() in ("1", "true", "yes"):
        last = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        if last:
            return last
    return str(request.client.host)
