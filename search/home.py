"""The one folder that everything Stopover writes lies under (`--home`, `STOPOVER_HOME`, default `.stopover/`)."""

import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.caches import Caches

if TYPE_CHECKING:
    from trainables.store import Store


@dataclass(frozen=True)
class Home:
    """Paths under the home folder; nothing is made until it is needed.

    `store_at` is the folder or URL of a store that lies elsewhere (`--store`, `STOPOVER_STORE`).
    """

    root: Path
    store_at: str | None = None

    @property
    def store(self) -> Path:
        """Finished stages, unless they are kept elsewhere (`store_place`)."""
        return self.root / "store"

    @property
    def store_place(self) -> str:
        """The absolute path or the URL of the store."""
        if self.store_at is not None and "://" in self.store_at:
            return self.store_at
        return str(Path(self.store_at or self.store).absolute())

    @property
    def caches(self) -> Caches:
        """What this machine keeps to spare itself work (`STOPOVER_CACHE`)."""
        return Caches.of_this_machine(self.root / "cache")

    def open_store(self) -> "Store":
        """The store; raises `UserError` for a URL where none can be kept."""
        from trainables.store import Store

        return Store(self.store_place, self.caches.store)

    def identity(self) -> str:
        """A name that no other home has, made when it is first asked for."""
        path = self.root / "home-id"
        if not path.exists():
            self.root.mkdir(parents=True, exist_ok=True)
            draft = self.root / f"home-id.{uuid.uuid4().hex}"
            draft.write_text(uuid.uuid4().hex)
            with suppress(FileExistsError):  # of several processes the first names it
                path.hardlink_to(draft)
            draft.unlink()
        return path.read_text()

    @property
    def sweeps(self) -> Path:
        """One folder per sweep: its space, journal, results, matrix and report."""
        return self.root / "sweeps"

    @property
    def optuna(self) -> str:
        """The URL of the database that holds the studies of Optuna's strategies."""
        return f"sqlite:///{(self.root / 'optuna.db').absolute()}"

    @property
    def tracking_uri(self) -> str:
        """MLflow's database when no server is given."""
        return f"sqlite:///{(self.root / 'mlflow.db').absolute()}"

    @property
    def artifacts(self) -> Path:
        """Where MLflow keeps artifacts when no server is given."""
        return self.root / "mlflow-artifacts"
