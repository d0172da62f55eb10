"""The words of a line of a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tallystick.services.buyer.monthly import StatementLine


def detail_of(line: StatementLine) -> str | None:
    """What a line says besides its kind: the description of a single entry, or how many there were on a day."""
    return line.description if line.count is None else f"{line.count:,} in all"
