"""What a scoring stage keeps in the store beside its record, read back without torch."""

import numpy as np
import pyarrow as pa
import pyarrow.compute

from spaces import UserError
from trainables.sampling import Units
from trainables.store import Store

PREDICTIONS_FILE = "predictions.arrow"
POINTS_FILE = "points.arrow"


def read_predictions(store: Store, stage: str) -> pa.Table:
    """Columns language, example, prediction (JSON text); raises `UserError` where the store does not have them."""
    return _read(store, stage, PREDICTIONS_FILE)


def read_units(store: Store, stage: str) -> dict[str, Units]:
    """What a run earned, by language; raises `UserError` where the store does not have it."""
    table = _read(store, stage, POINTS_FILE)
    units = {}
    for language in pa.compute.unique(table["language"]).to_pylist():
        rows = table.filter(pa.compute.equal(table["language"], language))
        group, earned, possible = (rows[name].to_numpy() for name in ("group", "earned", "possible"))
        units[language] = Units(group.astype(np.int64), earned.astype(float), possible.astype(float))
    return units


def _read(store: Store, stage: str, file: str) -> pa.Table:
    entry = store.find(stage)
    if entry is None:
        raise UserError(f"the scores of stage {stage[:12]} are not in the store any more; run the sweep again")
    return pa.ipc.open_file(pa.memory_map(str(entry.path(file)))).read_all()
