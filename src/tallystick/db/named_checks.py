"""ALTER TABLE … ADD COLUMN … CHECK (…), as Citus takes it: the column first, then its check by name.

Released migrations have checks without a name there, and are never edited. The name is the one that PostgreSQL would
give: table_column_check.
"""

from __future__ import annotations

from typing import Final

from tallystick.db.sql_script import tokens

_SILENT: Final = frozenset({"space", "line_comment", "block_comment"})
_START: Final = ("ALTER", "TABLE")
_COLUMN: Final = ("ADD", "COLUMN")


def with_named_checks(statement: str) -> list[str]:
    """A statement, and others that add the checks of new columns; any other statement as it is.

    Raises ValueError: a check has no end.
    """
    spoken = [token for token in tokens(statement) if token[0] not in _SILENT]
    if _words(spoken[:2]) != _START:
        return [statement]
    begin, table = 0, spoken[2][1]
    kept: list[str] = []
    checks: list[str] = []
    for number, (_, piece, end) in enumerate(spoken):
        if piece.upper() != "CHECK" or not (column := _column_of(spoken[:number])):
            continue
        last = _end_of_parentheses(spoken[number + 1 :])
        kept.append(statement[begin : end - len(piece)].rstrip())
        checks.append(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_check CHECK {statement[end:last].strip()}")
        begin = last
    return [*([statement] if not checks else ["".join([*kept, statement[begin:]])]), *checks]


def _words(spoken: list[tuple[str, str, int]]) -> tuple[str, ...]:
    return tuple(piece.upper() for _, piece, _ in spoken)


def _column_of(before: list[tuple[str, str, int]]) -> str | None:
    """The column that is being added where a check stands; None: it has a name, or is none of a column."""
    depth = 0
    since = 3  # ALTER TABLE name
    for number, (_, piece, _) in enumerate(before):
        depth += (piece == "(") - (piece == ")")
        if piece == "," and depth == 0:
            since = number + 1
    part = _words(before[since:])
    if depth or part[:2] != _COLUMN or part[-2:-1] == ("CONSTRAINT",):
        return None
    return before[since:][2][1]


def _end_of_parentheses(after: list[tuple[str, str, int]]) -> int:
    depth = 0
    for _, piece, end in after:
        depth += (piece == "(") - (piece == ")")
        if depth == 0:
            return end
    raise ValueError("a CHECK has no end")
