"""What a scoring stage keeps in the store beside its record, read back without torch."""

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from spaces import UserError
from trainables.store import Store

PREDICTIONS_FILE = "predictions.arrow"
POINTS_FILE = "points.arrow"


def read_predictions(store: Store, stage: str) -> pa.Table:
    """Columns language, example, prediction (JSON text); raises `UserError` where the store does not have them."""
    return _read(store, stage, PREDICTIONS_FILE)


def read_points(store: Store, stage: str) -> dict[str, NDArray[np.float64]]:
    """By language (examples, 2): what every example earned and could have earned; raises `UserError` likewise."""
    table = _read(store, stage, POINTS_FILE)
    points = {}
    for language in pa.compute.unique(table["language"]).to_pylist():
        rows = table.filter(pa.compute.equal(table["language"], language))
        points[language] = np.column_stack([rows["earned"].to_numpy(), rows["possible"].to_numpy()]).astype(float)
    return points


def _read(store: Store, stage: str, file: str) -> pa.Table:
    entry = store.find(stage)
    if entry is None:
        raise UserError(f"the scores of stage {stage[:12]} are not in the store any more; run the sweep again")
    return pa.ipc.open_file(pa.memory_map(str(entry.path(file)))).read_all()
