"""Rows that the money path reads and writes by position follow the order of the statements' own columns."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Sequence
from textwrap import dedent
from typing import Any

import pytest

from tallystick.db.connections import Pool
from tallystick.store.ledger import decode, encode
from tallystick.store.ledger.apply_payments import payment_row
from tallystick.store.ledger.statements import MONEY

AFTER_THE_TOKEN = ["book", "answers", "keys", "charge_events", "one_row_payments", "server_started_at"]
"""Columns of the optimistic read that only its first row has; optimistic/payments.py takes them by name."""

SAME = {
    "usage_limits": "limits",
    "sender_party_id": "sender_id",
    "recipient_party_id": "recipient_id",
    "account_id": "debit",
}
"""Columns whose names the domain shortens."""

STORED = {"reference_digest": "caller_reference"}
"""Columns that hold what a row's value is turned into."""


def unpacked(function: Callable[..., object]) -> list[str]:
    """The names to which a function assigns a whole row."""
    (target,) = (
        node.targets[0]
        for node in ast.walk(tree_of(function))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Tuple)
        and isinstance(node.value, ast.Name)
        and node.value.id == "row"
    )
    assert isinstance(target, ast.Tuple)
    return [name.id for name in target.elts if isinstance(name, ast.Name)]


def returned(function: Callable[..., object]) -> list[str]:
    """The attributes that a function returns as a row, in their order."""
    (row,) = (node.value for node in ast.walk(tree_of(function)) if isinstance(node, ast.Return))
    assert isinstance(row, ast.Tuple)
    return [last_attribute(item) for item in row.elts]


def last_attribute(item: ast.expr) -> str:
    """``item.operation.value`` is ``operation``; ``limits_to_json(token.limits)`` is ``limits``."""
    names = [node.attr for node in ast.walk(item) if isinstance(node, ast.Attribute) and node.attr != "value"]
    return names[0] if names else next(node.id for node in ast.walk(item) if isinstance(node, ast.Name))


def tree_of(function: Callable[..., object]) -> ast.AST:
    return ast.parse(dedent(inspect.getsource(function)))


async def columns_of_type(pool: Pool, name: str) -> list[str]:
    rows: Sequence[Any] = await pool.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 ORDER BY attnum", name
    )
    return [row["attname"] for row in rows]


async def test_the_optimistic_read_is_unpacked_as_it_is_sent(pool: Pool) -> None:
    async with pool.acquire() as connection:
        statement = await connection.prepare(MONEY["read_optimistically"])
        sent = [column.name for column in statement.get_attributes()]

    assert [*unpacked(decode.spending_token_from_row), *AFTER_THE_TOKEN] == sent


@pytest.mark.parametrize(
    ("row", "composite"),
    [
        (encode.transaction_row, "transaction_values"),
        (encode.token_change, "token_change"),
        (encode.event_row, "event_values"),
        (encode.queued_event_row, "queued_event_values"),
        (payment_row, "payment_values"),
    ],
)
async def test_rows_are_written_as_their_types_take_them(
    pool: Pool, row: Callable[..., object], composite: str
) -> None:
    columns = [SAME.get(name, name) for name in await columns_of_type(pool, composite)]

    assert [SAME.get(name, name) for name in returned(row)] == columns


@pytest.mark.parametrize(
    ("table", "composite"),
    [("transaction", "transaction_values"), ("transfer", "transfer_values"), ("answered_reference", "answer_values")],
)
async def test_rows_are_inserted_as_their_types_have_them(pool: Pool, table: str, composite: str) -> None:
    listed = re.search(rf"INSERT INTO {table} \(([^)]*)\)", MONEY["apply"])
    assert listed is not None
    columns = await columns_of_type(pool, composite)

    said = "".join(line for line in listed[1].splitlines() if not line.startswith("--"))
    named = [STORED.get(name, name) for name in map(str.strip, said.split(","))]
    assert named[0] == "book_id"
    assert [name for name in named if name in columns] == columns
