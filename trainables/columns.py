"""Between a dataset's columns and those of a format; `Table.columns` says which is which."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute

from spaces import UserError
from spaces.tasks import Columns


def format_columns(rows: pa.Table, names: Iterable[str], columns: Columns, where: str) -> pa.Table:
    """The columns `names` of a format, taken from a dataset's rows.

    Raises `UserError` for a column that the dataset lacks; `where` names it.
    """
    return pa.table({name: _taken(rows, columns.get(name, name), where) for name in names})


def dataset_columns(rows: pa.Table, columns: Columns) -> pa.Table:
    """The other way round: a format's rows in the dataset's columns."""
    made: dict[str, pa.Array] = {}
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        wanted = columns.get(name, name)
        if isinstance(wanted, tuple):
            for index, part in enumerate(wanted):
                made[part] = pa.compute.list_element(column, index)
        elif "." in wanted:
            outer, inner = wanted.split(".")
            made[outer] = pa.StructArray.from_arrays([column.combine_chunks()], [inner])
        elif wanted:
            made[wanted] = column
    return pa.table(made)


def _taken(rows: pa.Table, wanted: str | tuple[str, ...], where: str) -> pa.ChunkedArray:
    if wanted == "":
        return pa.chunked_array([pa.array([""] * rows.num_rows, pa.string())])
    if isinstance(wanted, tuple):
        parts = [_taken(rows, name, where).to_pylist() for name in wanted]
        return pa.chunked_array([pa.array([list(one) for one in zip(*parts, strict=True)], pa.list_(pa.string()))])
    outer, _, inner = wanted.partition(".")
    if outer not in rows.column_names:
        raise UserError(f"{where} lacks the column '{outer}' (it has {', '.join(rows.column_names)})")
    column = rows[outer]
    if not inner:
        return column
    if not pa.types.is_struct(column.type) or column.type.get_field_index(inner) < 0:
        raise UserError(f"{where} has no '{inner}' in its column '{outer}' (it is {column.type})")
    return pa.compute.struct_field(column, inner)
