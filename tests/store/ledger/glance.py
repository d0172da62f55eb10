"""What the running proof finds of all that there is, held against the checks of verify themselves."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from tallystick.db.connections import Connection
from tallystick.store.ledger.running.balances import BalanceComparison
from tallystick.store.ledger.running.pace import Pace
from tallystick.store.ledger.running.slices import CHECKS, END, Look, slices
from tallystick.store.ledger.verify import STATEMENTS

_NAMED = re.compile(r"transaction [^ ,:]+|transfer [^ /]+|reference [^ :]+")

Found = Mapping[str, frozenset[str]]
"""By check, what is named."""


async def found_by_checks(connection: Connection) -> Found:
    """What the checks find that look at everything; those that the running proof makes."""
    lines = []
    for check in CHECKS:
        lines += [f"{check}: {row[0]}" for row in await connection.fetch(STATEMENTS[check])]
    return _by_check(lines)


async def found_at_a_glance(connection: Connection, *, piece: int = 1_000_000) -> Found:
    """What the running proof finds, from the first transaction on, in slices of so many."""
    look = Look(connection, "", ())
    async for begin, end in slices(connection, "", END, piece):
        await look.at_payments(begin, end, over=True)
        transfers = await look.at_transfers(begin, end, (), (), over=True, rest=True)
        await look.check(begin, end, transfers=transfers)
    comparison = BalanceComparison(connection, look.moved, Pace())
    await comparison.with_accounts(whole=False)
    if comparison.doubtful:
        await look.check_payments_from([*comparison.doubtful])
    return _by_check(look.problems)


async def nothing_is_missed(connection: Connection) -> None:
    """In one slice and in many, the running proof finds what the checks find: each of them, and whatever they name.

    It may name more: what is out of order is compared with another one before it, where not all are looked at.
    """
    wanted = await found_by_checks(connection)
    for piece in (1_000_000, 2):
        found = await found_at_a_glance(connection, piece=piece)
        assert found.keys() == wanted.keys(), piece
        missed = {check: named - found[check] for check, named in wanted.items() if named - found[check]}
        assert missed == {}, piece
        more = {check for check, named in wanted.items() if found[check] - named}
        assert more <= {"time_goes_on"}, piece


def _by_check(lines: list[str]) -> Found:
    found: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        check, _, problem = line.partition(": ")
        named = _NAMED.search(problem)
        assert named is not None, line
        found[check].add(named[0])
    return {check: frozenset(named) for check, named in found.items()}
