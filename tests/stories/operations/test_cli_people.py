"""Staff and operators, as the operator types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.conftest import MakeDatabase
from tests.stories.operations.program import Command

PASSWORD = "tally sticks come in two halves"
SHOP, ANN, BEN = "shop@music.example", "ann@people.example", "ben@people.example"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def settings(make_migrated: MakeDatabase, tmp_path: Path, command: Command) -> dict[str, str]:
    """An environment with a seller and two people."""
    url = await make_migrated()
    settings = {"TALLYSTICK_DATABASE_URL": url, "TALLYSTICK_DATA_DIRECTORY": str(tmp_path)}
    await command("account", "create", "--kind", "business", "--email", SHOP, "--name", "Music Shop", settings=settings)
    for email, name in ((ANN, "Ann"), (BEN, "Ben")):
        arguments = ("account", "create", "--kind", "personal", "--email", email, "--name", name, "--password-stdin")
        await command(*arguments, settings=settings, typed=f"{PASSWORD}\n")
    return settings


async def test_staff_is_added_promoted_and_removed_and_an_owner_stays(
    settings: dict[str, str], command: Command
) -> None:
    async def staff(*arguments: str) -> Any:  # noqa: ANN401 - whatever the command answers
        ended = await command("staff", *arguments, "--account", SHOP, "--json", settings=settings)
        return json.loads(ended.out) if ended.status == 0 else ended.complaint

    added = await staff("add", "--person", ANN, "--role", "viewer")
    assert (added["email"], added["role"]) == (ANN, "viewer")
    assert (await staff("add", "--person", ANN, "--role", "owner"))["role"] == "owner"
    assert "is a business" in await staff("add", "--person", SHOP, "--role", "owner")
    assert "is the last owner of Music Shop" in await staff("remove", "--person", ANN)
    assert "is the last owner of Music Shop" in await staff("add", "--person", ANN, "--role", "viewer")
    assert "does not work for Music Shop" in await staff("remove", "--person", BEN)

    await staff("add", "--person", BEN, "--role", "owner")
    assert await staff("remove", "--person", ANN) == {"removed": ANN, "kept_keys": [], "revoked_keys": []}
    assert [(one["email"], one["role"]) for one in await staff("list")] == [(BEN, "owner")]

    connection = await asyncpg.connect(settings["TALLYSTICK_DATABASE_URL"])
    rows = await connection.fetch(
        "SELECT action, subject, actor_id FROM audit_entry WHERE action LIKE 'staff.%' ORDER BY audit_id"
    )
    await connection.close()
    assert [tuple(row) for row in rows] == [
        ("staff.add", ANN, None),
        ("staff.role", ANN, None),
        ("staff.add", BEN, None),
        ("staff.remove", ANN, None),
    ]


async def test_operators_come_and_go(settings: dict[str, str], command: Command) -> None:
    async def operators(*arguments: str) -> Any:  # noqa: ANN401 - whatever the command answers
        ended = await command("operators", *arguments, "--json", settings=settings)
        return json.loads(ended.out) if ended.status == 0 else ended.complaint

    assert await operators("list") == []
    for _ in range(2):
        assert await operators("add", "--person", ANN) == {"operator": ANN}
    assert [one["email"] for one in await operators("list")] == [ANN]
    assert await operators("remove", "--person", ANN) == {"removed": ANN}
    assert "is no operator" in await operators("remove", "--person", ANN)
    shown = await command("operators", "list", settings=settings)
    assert shown.out == "There are no operators yet.\n"
