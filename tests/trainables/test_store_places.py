"""What a store's place may be, and what is said of one where no store can be kept: one line, no credentials."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spaces import UserError
from tests import s3_server
from tests.conftest import REPOSITORY
from tests.stores import KEY, Place, another_process, first_line
from trainables.store import Store
from trainables.store.mounts import is_shared
from trainables.store.objects import Objects


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_a_missing_package_is_named_with_how_to_get_it(scheme: str, tmp_path: Path) -> None:
    package, extra = {"s3": ("s3fs", "s3"), "gs": ("gcsfs", "gcs")}[scheme]
    code = (
        f"import sys\nsys.modules['{package}'] = None\nfrom pathlib import Path\nfrom trainables.store import Store\n"
        f"from spaces import UserError\ntry:\n    Store('{scheme}://bucket/folder', Path(sys.argv[1]))\n"
        "except UserError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    (line,) = done.stdout.splitlines()
    assert f"pip install 'stopover[{extra}]'" in line, done.stderr


def test_an_unknown_kind_of_url(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere:// is not known"):
        Store("nowhere://bucket/folder", tmp_path)


@pytest.mark.parametrize("url", ["s3://AKIA123:{}@bucket/folder", "s3://bucket/folder?secret={}"])
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no credentials") as raised:
        Store(url.format(s3_server.SECRET), tmp_path)
    assert s3_server.SECRET not in str(raised.value) and "AKIA" not in str(raised.value)


def test_a_bucket_that_is_not_there(s3: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"s3://no-such-bucket/x: no store can be kept there.*bucket"):
        Store("s3://no-such-bucket/x", tmp_path)


def test_a_server_that_is_away(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(UserError, match="no store can be kept there") as raised:
        Store(s3, tmp_path)
    assert s3_server.SECRET not in str(raised.value)


def test_a_server_without_conditional_writes_is_found_out_and_still_serves(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Store(s3, tmp_path / "modern")
    assert "conditionally" not in caplog.text
    with s3_server.without_conditions(os.environ["AWS_ENDPOINT_URL"]) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        store = Store(s3, tmp_path / "old")
        assert "cannot create conditionally" in caplog.text
        objects = Objects(s3)
        objects.check()
        assert objects.create("one", b"first")
        assert not objects.create("one", b"second")
        assert objects.read("one") == b"first"
        store.publish(KEY, {"by": "first"}, {"weights": b"1"})
        store.publish(KEY, {"by": "second"}, {"weights": b"2"})
        assert Store(s3, tmp_path / "another").record(KEY) == {"by": "first"}
        with store.lease(KEY) as ours, Store(s3, tmp_path / "another").lease(KEY) as twice:
            assert (ours, twice) == (True, False)


def test_two_machines_with_a_file_url_share_a_folder(tmp_path: Path) -> None:
    """Seen from two process namespaces, as from two machines: neither can tell whether the other lives."""
    place = Place((tmp_path / "a folder").as_uri(), tmp_path)
    if subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True).returncode:
        pytest.skip("may not make a namespace (not root)")
    code = "with store.lease(key) as ours:\n    print(ours, flush=True)\n    sys.stdin.read()\n"
    with another_process(code, place.root, place.caches, KEY) as other:
        assert first_line(other) == "True"
        other.kill()
        other.wait()
    with place.store().lease(KEY) as ours:
        assert ours  # the same machine sees that it has died
    apart = another_process(code, place.root, place.caches, KEY, before=("unshare", "--pid", "--fork", "--kill-child"))
    with apart as other:
        assert first_line(other) == "True"
        other.kill()
        other.wait()
    with place.store().lease(KEY) as ours:
        assert not ours  # another machine cannot; the lease has to expire


MOUNTS = """\
/dev/vda / ext4 rw 0 0
filer:/home /home nfs4 rw 0 0
tmpfs /home/me/scratch tmpfs rw 0 0
lustre@tcp:/work /work/a\\040b lustre rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "shared"),
    [("/tmp/store", False), ("/home/me/store", True), ("/home/me/scratch/store", False), ("/work/a b/store", True)],
)
def test_a_folder_on_a_network_is_recognised(folder: str, shared: bool, tmp_path: Path) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    assert is_shared(Path(folder), tmp_path / "mounts") is shared
    assert is_shared(Path(folder), tmp_path / "no such table") is False
