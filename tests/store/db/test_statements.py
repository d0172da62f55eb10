from __future__ import annotations

import re

import pytest

from tallystick.db.statements import load_statements
from tallystick.store.ledger.statements import MONEY

TABLES = ("account", "instrument", "token", "transaction", "transfer", "answered_reference", "outbox", "rail_request")


@pytest.mark.parametrize("name", MONEY)
def test_every_statement_of_the_money_path_names_one_book(name: str) -> None:
    statement = re.sub(r"--[^\n]*", "", MONEY[name])
    written = re.search(r"INSERT INTO (\w+) \(book_id,", statement)
    if written is not None:
        assert re.search(r"SELECT \$1,", statement), "the rows written belong to the one book $1"
        return
    read = set(re.findall(r"(?:FROM|JOIN|UPDATE) (\w+)", statement)) & set(TABLES)
    for table in read:
        named = rf"(?:{table}\.)?book_id = (?:\$1|instrument\.book_id)"
        assert re.search(named, statement), f"{table} is not tied to one book"
    assert "$1" in statement


def test_statements_have_names_of_their_own() -> None:
    assert len(MONEY) == len(set(MONEY)) > 15
    assert all(statement for statement in MONEY.values())
    assert list(load_statements("verify.sql", "tallystick.store.ledger"))[-1] == "totals"
