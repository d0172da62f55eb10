"""Arrays of rows that are written by compiled code on their way to the database, where something was compiled.

The driver encodes each value of each row by itself, which takes a quarter of a microsecond; a payment has two dozen. By
its public interface it takes codecs for single types, not for arrays of rows: they are handed to its settings, which is
what that interface does itself. Without what was compiled, or where the driver has changed, it encodes them as always.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from tallystick.db.statements import load_statements
from tallystick.domain.speedups import sent_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.db.connections import Connection

_SQL: Final = load_statements("database.sql", __package__)


async def write_rows_compiled(connection: Connection, row_types: Sequence[str]) -> list[str]:
    """Have arrays of these row types written by compiled code on a new connection; returns the types that are."""
    settings: Any = cast("Any", connection)._protocol.get_settings()  # noqa: SLF001 - see above
    if sent_rows is None or not hasattr(settings, "add_python_codec"):
        return []
    written = []
    for row in await connection.fetch(_SQL["row_types"], [*row_types]):
        columns = [*zip(row["column_oids"], row["column_types"], strict=True)]
        if all(sent_rows.is_known(name) for _, name in columns):
            write = sent_rows.SentRows(row["row_oid"], columns).write
            settings.add_python_codec(
                row["array_oid"], f"{row['name']}[]", "public", [], "scalar", write, _never_received, "binary"
            )
            written.append(row["name"])
    return written


def _never_received(_content: bytes) -> NoReturn:
    raise TypeError("this array of rows is sent to the database, never asked for")
