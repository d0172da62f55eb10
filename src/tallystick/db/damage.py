"""Pages of the database that cannot be read any more: which table they belong to, and what is to be done.

PostgreSQL refuses a page whose checksum is wrong (error XX001) and names a file, which tells an operator nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tallystick.db.connections import DAMAGED
from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from tallystick.db.connections import Database, Pool

_SQL: Final = load_statements("damage.sql", __package__)
_FILE: Final = re.compile(r'relation "?(?:base|global|pg_tblspc)/[\w./]*?(\d+)"?(?:\s|$)')
_NAMED: Final = re.compile(r'(?:index|table|relation) "(\w+)"')

RESTORE: Final = "stop the service, keep a copy of its data, and restore a backup (tallystick restore)"


class DamagedError(Exception):
    """Pages of the database cannot be read; the message names each table, and what is to be done."""

    def __init__(self, findings: list[str]) -> None:
        super().__init__("; ".join(findings))
        self.findings = findings


@dataclass(slots=True)
class DamageWatch:
    """What one process has met of unreadable pages since its start. They do not become readable by themselves."""

    _met: dict[str, str | None] = field(default_factory=dict)
    """What is to be told, by what the database said; None: not looked up yet."""
    _failures: int | None = None
    """How many there were by the database's count when it was first asked."""

    def note(self, error: BaseException) -> None:
        """Remember an error, if it tells of an unreadable page."""
        for each in _chain(error):
            if isinstance(each, DAMAGED):
                self._met.setdefault(str(each), None)
            elif isinstance(each, DamagedError):
                self._met.update((finding, finding) for finding in each.findings)

    async def findings(self, pool: Pool) -> list[str]:
        """What is damaged, as far as anybody has met it since this process started, in words.

        Raises what the database does.
        """
        for said in [said for said, told in self._met.items() if told is None]:
            self._met[said] = await explain(pool, said)
        failures: int = await pool.fetchval(_SQL["failures"])
        if self._failures is None:
            self._failures = failures
        found = sorted({told for told in self._met.values() if told is not None})
        if not found and failures > self._failures:
            found = ["a page of the database is damaged; run tallystick verify, which names its table"]
        return found


async def explain(database: Database, said: str) -> str:
    """What an error of DAMAGED means, in words. Raises what the database does."""
    row = None
    if found := _FILE.search(said):
        row = await database.fetchrow(_SQL["relation_of_file"], int(found[1]))
    if row is None:
        named = _NAMED.search(said)
        what = f"{named[1]} of the database" if named else "the database"
        return f"{what} is damaged ({said}): {RESTORE}"
    if row["is_index"]:
        return (
            f"the index {row['name']} of the table {row['table_name']} is damaged ({said}): "
            f"have it made again (REINDEX INDEX {row['name']}), and run tallystick verify"
        )
    return f"the table {row['table_name']} is damaged ({said}): {RESTORE}"


async def read_everything(pool: Pool) -> None:
    """Read all tables. Raises DamagedError: there are some that cannot be read; and what the database does."""
    findings: list[str] = []
    for row in await pool.fetch(_SQL["tables"]):
        statement = _SQL["read_table"].replace("/* table */", '"{}"'.format(row[0].replace('"', '""')))
        try:
            await pool.fetchval(statement)
        except DAMAGED as error:
            findings.append(await explain(pool, str(error)))
    if findings:
        raise DamagedError(findings)


def _chain(error: BaseException) -> list[BaseException]:
    """An error, those it came from, and those in a group."""
    chain: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or each in chain:
            continue
        chain.append(each)
        waiting += [each.__cause__, *(each.exceptions if isinstance(each, BaseExceptionGroup) else ())]
    return chain
