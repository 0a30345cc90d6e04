"""The one folder that everything Stopover writes lies under (`--home`, `STOPOVER_HOME`, default `.stopover/`)."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """Paths under the home folder; nothing is made until it is needed."""

    root: Path

    @property
    def store(self) -> Path:
        """Finished stages (`trainables.store`)."""
        return self.root / "store"

    @property
    def encoded(self) -> Path:
        """Tokenised data."""
        return self.root / "cache" / "encoded"

    @property
    def world_model(self) -> Path:
        """The embedded world's pretrained encoder."""
        return self.root / "cache" / "world-encoder"

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
