"""What the tests of whole clusters share: a quickstart that was run on this machine alone."""

from pathlib import Path

import pytest

from tests.cluster.user import run_here


@pytest.fixture(scope="session")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a finished quickstart, as `make run` leaves it."""
    home = tmp_path_factory.mktemp("quickstart") / "home"
    run_here("quickstart", home)
    return home
