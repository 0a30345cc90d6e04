"""What the tests of the search share: one small sweep that nobody disturbed."""

from pathlib import Path

import pytest

from tests.search.place import Place


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, mirror: Path, tiny_model: Path) -> tuple[Place, str]:
    """A finished sweep, and what it printed. Tests may run it again and add to it, never take away."""
    place = Place(tmp_path_factory.mktemp("undisturbed"), mirror, tiny_model)
    return place, place.run()
