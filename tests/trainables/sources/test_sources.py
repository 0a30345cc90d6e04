from pathlib import Path

import pytest

from spaces import UserError
from trainables.sources import open_source
from trainables.sources.hub import HubSource
from trainables.sources.mirror import MirrorSource


def test_a_mirror_stands_in_for_the_hub(mirror: Path) -> None:
    assert isinstance(open_source("hub", mirror), MirrorSource)
    assert isinstance(open_source("mirror", mirror), MirrorSource)
    assert isinstance(open_source("hub"), HubSource)


def test_a_space_on_a_mirror_needs_one() -> None:
    with pytest.raises(UserError, match="give --mirror FOLDER or set STOPOVER_MIRROR"):
        open_source("mirror")
