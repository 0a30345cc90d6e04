"""What tests share: a made mirror folder, a tiny random encoder, a browser, and shared data where they are there."""

import os
import tempfile

# Before anything imports Hugging Face's libraries: no test goes to the internet or into the user's cache.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="stopover-tests-hf-")
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_NUM_THREADS"] = "1"

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import made_data

if TYPE_CHECKING:
    from tests.stores import Place
    from trainables.workbench import Workbench

REPOSITORY = Path(__file__).parent.parent
KINDS = ("folder", "shared folder", "s3")  # of stores
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_this_session() -> Iterator[None]:
    yield
    shutil.rmtree(os.environ["HF_HOME"], ignore_errors=True)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's shared folder: real data, a small encoder, XTREME's mock data."""
    folder = Path(os.environ.get("STOPOVER_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no shared folder at {folder}; set STOPOVER_SHARED to test on it")
    return folder


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small mirror folder; read it, never change it."""
    return made_data.write_mirror(tmp_path_factory.mktemp("mirror"))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random XLM-R of two layers and hidden size 32, and a tokenizer of letters and a few words."""
    return made_data.save_xlmr(tmp_path_factory.mktemp("tiny_xlmr"))


@pytest.fixture(scope="session")
def tiny_modernbert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with ModernBERT, which pools by the mean."""
    return made_data.save_modernbert(tmp_path_factory.mktemp("tiny_modernbert"))


@pytest.fixture(scope="session")
def s3_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running S3 server, which the environment names; the file that gets a line per request."""
    from tests import s3_server

    if s3_server.MISSING:
        pytest.skip(f"not installed: {', '.join(s3_server.MISSING)} (make setup brings them)")
    log = tmp_path_factory.mktemp("s3") / "requests.log"
    before = dict(os.environ)
    with s3_server.s3_server(log) as address:
        os.environ.update(s3_server.environment(address))
        yield log
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def s3(s3_log: Path) -> str:
    """The URL of an empty folder of a bucket."""
    from tests.s3_server import BUCKET

    return f"s3://{BUCKET}/{uuid.uuid4().hex}"


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> "Place":
    """A place for a store, of every kind."""
    from tests.stores import Place

    match request.param:
        case "folder":
            return Place(tmp_path / "store", tmp_path / "caches")
        case "shared folder":
            return Place((tmp_path / "store").as_uri(), tmp_path / "caches")
        case _:
            return Place(request.getfixturevalue("s3"), tmp_path / "caches")


@pytest.fixture
def make_bench(tmp_path: Path, mirror: Path, tiny_model: Path) -> "Callable[..., Workbench]":
    """Makes workbenches as separate processes would: own encoder and data, one store per name."""

    def make(store: str = "store", mirror: Path = mirror) -> "Workbench":
        from trainables.examples import Data
        from trainables.sources.mirror import MirrorSource
        from trainables.store import Store
        from trainables.workbench import Workbench

        return Workbench(Store(tmp_path / store), Data(MirrorSource(mirror)), tiny_model, tmp_path / "cache")

    return make


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as run:
        launched = run.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()
