"""What the tests of the lessons share."""

import pytest

from lessons import bench


@pytest.fixture(scope="session")
def warm() -> None:
    """The bundled model and corpus lie ready, as they do soon after the app has started."""
    bench.warm_up()
    bench.wait_until_warm()
