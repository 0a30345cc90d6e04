"""Where examples come from: the hub, a mirror folder, or the generated world; all give the same columns."""

from pathlib import Path

from spaces import UserError
from trainables.sources.base import Piece, Place, Presence, Source

__all__ = ["Piece", "Place", "Presence", "Source", "open_source"]


def open_source(kind: str, mirror: Path | None = None, cache: Path | None = None) -> Source:
    """The source of a space. A mirror folder, when given, stands in for the hub.

    What has to be generated is kept in the folder `cache`, where one is given. Raises `UserError` where a mirror is
    wanted and none is given.
    """
    if kind == "world":
        from trainables.sources.world import WorldSource

        return WorldSource(cache)
    if mirror is not None:
        from trainables.sources.mirror import MirrorSource

        return MirrorSource(mirror)
    if kind == "mirror":
        raise UserError("this space reads a mirror folder: give --mirror FOLDER or set STOPOVER_MIRROR")
    from trainables.sources.hub import HubSource

    return HubSource()
