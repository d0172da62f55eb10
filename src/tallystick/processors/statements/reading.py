"""A statement file, of whichever kind it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.processors.statements.camt import read_camt
from tallystick.processors.statements.lines import MAX_BYTES, MAX_ENTRIES, StatementError
from tallystick.processors.statements.table import read_table

if TYPE_CHECKING:
    from tallystick.domain.banking.bank_statements import BankStatement

__all__ = ["MAX_BYTES", "StatementError", "read_statements"]


def read_statements(content: bytes, name: str) -> list[BankStatement]:
    """All statements of a file; what begins as XML is CAMT.053, everything else a table. Raises StatementError."""
    if len(content) > MAX_BYTES:
        raise StatementError(f"it is larger than {MAX_BYTES // 1024 // 1024} MiB")
    if not content.strip():
        raise StatementError("there is nothing in it")
    if not content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return [read_table(content, name)]
    found = read_camt(content)
    if sum(len(one.entries) for one in found) > MAX_ENTRIES:
        raise StatementError(f"it has more than {MAX_ENTRIES} entries")
    return found
