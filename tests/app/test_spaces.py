"""The app as a Hugging Face Space starts it."""

from tests.app.conftest import Server


def test_a_space_with_zero_gpu_starts_on_the_cpu(tmp_path):
    """Its `spaces` package is stood in for: to import it first and to ask once is all that the lab does with it."""
    (tmp_path / "spaces.py").write_text(
        "import sys\n"
        "assert 'torch' not in sys.modules, 'spaces is to be imported first'\n"
        "def GPU(function):\n"
        "    open(__file__ + '.asked', 'w').close()\n"
        "    return function\n"
    )
    started = Server(tmp_path / "home", SPACES_ZERO_GPU="true", PYTHONPATH=str(tmp_path))
    started.stop()
    assert (tmp_path / "spaces.py.asked").exists()
