"""Builds and launches the app: `python app.py`, or the whole of a Hugging Face Space."""

import argparse
import os
from importlib import import_module
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before Gradio is imported: it asks another host for its version
# Before torch is: threads that wait leave the cores to a run that trains. 40 ms instead of 220 an answer, both cores busy.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main() -> None:
    """Read the options, serve the page, then load what is heavy behind it."""
    parser = argparse.ArgumentParser(description="The Masked Language Lab, as a web page.")
    env = os.environ.get
    host = env("LAB_HOST") or env("GRADIO_SERVER_NAME") or "127.0.0.1"  # a Space sets Gradio's own
    port = int(env("LAB_PORT") or env("GRADIO_SERVER_PORT") or 7860)
    parser.add_argument("--host", default=host, help="address to serve on (LAB_HOST)")
    parser.add_argument("--port", type=int, default=port, help="port to serve on (LAB_PORT)")
    parser.add_argument("--home", type=Path, default=env("LAB_HOME", ".lab"), help="folder for runs and caches (LAB_HOME)")
    share = env("LAB_SHARE", "").lower() in ("1", "true", "yes")
    parser.add_argument("--share", action="store_true", default=share, help="also serve on a public link (LAB_SHARE)")
    options = parser.parse_args()
    os.environ["LAB_HOME"] = str(options.home)
    if env("SPACES_ZERO_GPU"):
        import_module("lessons.zero_gpu")

    from lab.jobs import Desk
    from lessons.bench import warm_up
    from lessons.shell import build, launch_options

    app = build()
    app.launch(
        server_name=options.host,
        server_port=options.port,
        share=options.share,
        prevent_thread_lock=True,
        **launch_options(),
    )
    warm_up()
    with Desk():  # whoever asks for a run is served from here
        app.block_thread()


if __name__ == "__main__":
    main()
