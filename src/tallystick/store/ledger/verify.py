"""Prove the books right: replay everything in one snapshot and name what is off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tallystick.db.connections import Connection, Database, Pool
from tallystick.db.statements import load_statements
from tallystick.domain.money import display_amount
from tallystick.domain.texts import counted
from tallystick.domain.transitions import allowed_changes

_AS_WRITTEN: Final = load_statements("verify.sql", __package__)
_CHANGES: Final = "/* allowed changes */"


def _with_table(statement: str) -> str:
    """The domain's table of transitions put in as rows, where a statement asks for it."""
    changes = allowed_changes()
    rows = [f", ('{name}', {number}, '{before or ''}', '{after}')" for name, number, before, after in changes]
    return statement.replace(_CHANGES, "".join(rows))


STATEMENTS: Final = {name: _with_table(statement) for name, statement in _AS_WRITTEN.items()}
"""The checks, as they are sent, and the two figures for people."""

CHECKS: Final = tuple(name for name in STATEMENTS if name not in {"unexplained_micros", "totals"})
"""Names of the checks, in the order in which they run."""

MAX_PROBLEMS_PER_CHECK: Final = 100


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant and what violates it, at most MAX_PROBLEMS_PER_CHECK lines."""

    name: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """What was looked at and what was found. Amounts in micro-units, over all books."""

    checks: tuple[Check, ...]
    books: int
    accounts: int
    transactions: int
    transfers: int
    pending: int
    liability_micros: int
    debt_micros: int
    cash_micros: int

    @property
    def problems(self) -> list[str]:
        """Every violation, in words."""
        return [f"{check.name}: {problem}" for check in self.checks for problem in check.problems]

    @property
    def lines(self) -> list[str]:
        """The report for people."""
        looked_at = (
            f"{counted(self.books, 'book')}, {counted(self.accounts, 'account')}, "
            f"{counted(self.transactions, 'transaction')} ({self.pending} pending), "
            f"{counted(self.transfers, 'transfer')} replayed"
        )
        sums = (
            f"sellers' cash {display_amount(self.cash_micros)}, prepaid liability "
            f"{display_amount(self.liability_micros)}, outstanding debt {display_amount(self.debt_micros)}"
        )
        lines = [looked_at, sums]
        lines += [f"{'ok ' if not check.problems else 'BAD'} {check.name}" for check in self.checks]
        problems = self.problems
        return [*lines, *problems, "The books balance." if not problems else f"{counted(len(problems), 'problem')}."]


async def verify(pool: Pool) -> VerificationReport:
    """Run every check in one read-only snapshot. Reads all of the ledger."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        return await report_on(connection)


async def report_on(connection: Connection) -> VerificationReport:
    """Run every check on what this connection sees."""
    checks = []
    for name in CHECKS:
        rows = await connection.fetch(f"{STATEMENTS[name]}\n LIMIT {MAX_PROBLEMS_PER_CHECK}")
        checks.append(Check(name, tuple(row[0] for row in rows)))
    totals = await connection.fetchrow(STATEMENTS["totals"])
    assert totals is not None, "a SELECT of counts has one row"  # noqa: S101
    return VerificationReport(tuple(checks), **dict(totals))


async def unexplained_micros(database: Database) -> int:
    """How far balances are from what their transfers make of them, added up over all accounts, in micro-units.

    Reads all of the ledger.
    """
    found: int = await database.fetchval(STATEMENTS["unexplained_micros"])
    return found
