"""Migrations since the rule was made take nothing away that code of the release before uses: it runs beside them."""

from __future__ import annotations

import re

import pytest

from tallystick.db.migrate import FILES

FIRST = "0038"
"""From here on; what was before has no release before it."""

CONTRACTS: dict[str, str] = {}
"""Migrations that may take away: by number, since which release nothing uses it."""

TAKES_AWAY = (
    r"\bDROP\s+(?:TABLE|COLUMN|TYPE|DOMAIN|FUNCTION|VIEW|SEQUENCE)\b",
    r"\bRENAME\b",
    r"\bSET\s+NOT\s+NULL\b",
    r"\bALTER\s+(?:COLUMN\s+)?\w+\s+(?:SET\s+DATA\s+)?TYPE\b",
)
ADDS_A_COLUMN = re.compile(r"\bADD\s+(?:COLUMN\s+)?(?!CONSTRAINT\b)\w+[^,;]*", re.IGNORECASE)


def taken_away(script: str) -> list[str]:
    """What of a migration the code before could not live with: it fails, or its inserts do."""
    text = re.sub(r"--.*", "", script)
    found = [match[0] for pattern in TAKES_AWAY for match in re.finditer(pattern, text, re.IGNORECASE)]
    for added in ADDS_A_COLUMN.findall(text):
        demands = re.search(r"\bNOT\s+NULL\b", added, re.IGNORECASE)
        if demands and not re.search(r"\b(?:DEFAULT|GENERATED)\b", added, re.IGNORECASE):
            found.append(added.strip())
    return found


@pytest.mark.parametrize("number", sorted(number for number in FILES if number >= FIRST))
def test_a_migration_only_adds(number: str) -> None:
    found = taken_away(FILES[number].read_text("utf-8"))
    assert found == [] or number in CONTRACTS, "expand first; contract in the release after the last that uses it"


@pytest.mark.parametrize(
    ("script", "count"),
    [
        ("ALTER TABLE a ADD COLUMN b text;", 0),
        ("ALTER TABLE a ADD COLUMN b text NOT NULL DEFAULT 'x', ADD c int;", 0),
        ("ALTER TABLE a ADD COLUMN b text NOT NULL;", 1),
        ("ALTER TABLE a ADD b text NOT NULL;", 1),
        ("ALTER TABLE a DROP CONSTRAINT c; ALTER TABLE a ADD CONSTRAINT c CHECK (b IS NOT NULL);", 0),
        ("-- DROP TABLE a\nCREATE TABLE b (c text NOT NULL);", 0),
        ("DROP TABLE a;", 1),
        ("ALTER TABLE a RENAME COLUMN b TO c;", 1),
        ("ALTER TABLE a ALTER COLUMN b SET NOT NULL;", 1),
        ("ALTER TABLE a ALTER COLUMN b TYPE bigint;", 1),
    ],
)
def test_what_takes_away_is_found(script: str, count: int) -> None:
    assert len(taken_away(script)) == count
