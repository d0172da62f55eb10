"""Tables as text that spreadsheets open: commas, UTF-8, in pieces so that a long one needs no memory."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from typing import Final

_FORMULA: Final = re.compile(r"\s*[=+\-@|%\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What spreadsheets begin a formula with; with East Asian settings they take the wide signs (U+FF1D …) for it, too."""
_CHUNK: Final = 64 * 1024


async def as_csv(columns: Sequence[str], rows: AsyncIterable[Sequence[object]]) -> AsyncGenerator[bytes, None]:
    """The table in pieces: UTF-8 with a mark, which spreadsheets need to see that it is UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text)
    text.write("\ufeff")
    writer.writerow(columns)
    async for row in rows:
        writer.writerow(row)
        if text.tell() > _CHUNK:
            yield _taken(text)
    yield _taken(text)


def without_formula(text: str) -> str:
    """Text from others, escaped so that no spreadsheet takes it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def _taken(text: io.StringIO) -> bytes:
    piece = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return piece
