"""Draw docs/states.md from the tables in domain/transitions.py: .venv/bin/python -m tools.states > docs/states.md."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar

from tallystick.domain.state import Operation
from tallystick.domain.tokens import TokenState
from tallystick.domain.transitions import TOKENS, TRANSACTIONS, Table, TransactionState

State = TypeVar("State")

_HEAD: Final = """\
# States

<!-- Written by tools/states.py from src/tallystick/domain/transitions.py; a test keeps it current. -->

Which status of a transaction or a token may follow which. The deciders in `domain/decide/` look each change up in this
table before anything is written, and `tallystick verify` compares the recorded history of every transaction with it
(the check `statuses_follow_each_other`). To allow another change, change the table.

## Transactions

A rail's answer, a cancellation or a time-out brings a transaction on. A reservation is Pending twice: until the card is
held, and again, here called Settling, until what was settled is charged. A dispute is Reserved while it is open,
Success when it is lost (the amount was taken back) and Cancelled when it is won.
"""

_TOKENS_HEAD: Final = """\
## Tokens

Time brings a token to its beginning and to its end, a payment uses up a single-use one, and its seller or its giver
cancels it. The first rule that applies tells the state: cancelled, expired, used, not begun, active. The API's
`TokenStatus` is Inactive for the first two of them and Active for the others.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for operations, table in _together():
        parts.append(f"### {', '.join(operation.value for operation in operations)}\n")
        parts.append(_diagram(_transaction_edges(table)))
    parts += [_TOKENS_HEAD, _diagram(_token_edges())]
    return "\n".join(parts)


def _together() -> Iterator[tuple[list[Operation], Table]]:
    """The tables, each once, with the operations that share it."""
    tables: list[tuple[list[Operation], Table]] = []
    for operation, table in TRANSACTIONS.items():
        for operations, drawn in tables:
            if drawn == table:
                operations.append(operation)
                break
        else:
            tables.append(([operation], table))
    yield from tables


def _transaction_edges(table: Table) -> Iterator[tuple[str, str]]:
    for before, after in _pairs(table):
        yield "[*]" if before is TransactionState.NEW else before.value, after.value
    for last in sorted({after.value for _, after in _pairs(table) if after not in table}):
        yield last, "[*]"


def _token_edges() -> Iterator[tuple[str, str]]:
    yield "[*]", _name(TokenState.NOT_YET)
    yield "[*]", _name(TokenState.ACTIVE)
    for before, after in _pairs(TOKENS):
        yield _name(before), _name(after)
    yield _name(TokenState.CANCELLED), "[*]"


def _pairs(table: Mapping[State, tuple[State, ...]]) -> Iterator[tuple[State, State]]:
    return ((before, after) for before, following in table.items() for after in following)


def _name(state: TokenState) -> str:
    """Mermaid takes no blanks in the name of a state."""
    return "".join(word.capitalize() for word in state.value.split())


def _diagram(edges: Iterable[tuple[str, str]]) -> str:
    lines = [f"    {before} --> {after}" for before, after in edges]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```", ""])


if __name__ == "__main__":
    sys.stdout.write(page())
