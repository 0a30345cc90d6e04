"""Whether a folder lies on a file system that other machines may mount too."""

from pathlib import Path

_MOUNTS = Path("/proc/self/mounts")
# What clusters share their folders by, as Linux names it in the mount table.
_SHARED = frozenset(
    "9p afs beegfs ceph cifs fuse.ceph fuse.gcsfuse fuse.glusterfs fuse.juicefs fuse.mount-s3 fuse.s3fs fuse.sshfs "
    "glusterfs gpfs lustre nfs nfs4 orangefs panfs pvfs2 smb3 smbfs virtiofs wekafs".split()
)


def is_shared(folder: Path, mounts: Path = _MOUNTS) -> bool:
    """Whether the mount that a folder is under is a network's; False where the system (not Linux) has no such table.

    A folder that this cannot tell can be given as file:///folder, which is taken for shared.
    """
    try:
        rows = [row.split() for row in mounts.read_text().splitlines()]
    except OSError:
        return False
    place = folder.resolve()
    # Spaces in the table are written as \040. Of mounts at one point the last hides the others.
    under = [(Path(row[1].replace("\\040", " ")), row[2]) for row in rows]
    kinds = {point: kind for point, kind in under if place.is_relative_to(point)}
    return kinds[max(kinds, key=lambda point: len(point.parts))] in _SHARED if kinds else False
