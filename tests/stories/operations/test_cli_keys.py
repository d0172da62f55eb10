"""Keys by command: for some uses, networks and a while; and what becomes of them when their maker leaves."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.conftest import MakeDatabase
from tests.stories.operations.program import Command

SHOP = ("--account", "shop@music.example")
SCOPES = [
    "read",
    "charge",
    "fund",
    "refund",
    "settle",
    "write_off",
    "tokens",
    "hosted_links",
    "notifications",
    "pay_out",
    "webhooks",
]


@pytest.fixture
async def settings(make_migrated: MakeDatabase, tmp_path: Path) -> dict[str, str]:
    """An environment with a migrated database of its own."""
    return {"TALLYSTICK_DATABASE_URL": await make_migrated(), "TALLYSTICK_DATA_DIRECTORY": str(tmp_path)}


@pytest.fixture
async def told(settings: dict[str, str], command: Command) -> Any:  # noqa: ANN401 - a function, of whatever JSON has
    """Run a command that must succeed; what it answers for programs. A shop is there."""

    async def run(*arguments: str) -> Any:  # noqa: ANN401 - as JSON has it
        ended = await command(*arguments, "--json", settings=settings)
        assert ended.status == 0, ended.complaint
        return json.loads(ended.out)

    await run("account", "create", "--kind", "business", "--email", "shop@music.example", "--name", "Shop")
    return run


async def test_a_key_is_made_for_something(settings: dict[str, str], command: Command, told: Any) -> None:  # noqa: ANN401 - see above
    whole = await told("keys", "create", *SHOP)
    networks = ("--network", "10.1.0.0/16", "--network", "2001:db8::7")
    key = await told(
        *("keys", "make", *SHOP, "--name", "Nightly report", "--scope", "read", "--scope", "notifications", *networks),
        *("--expires", "90d", "--calls-per-second", "5"),
    )
    assert (whole["scopes"], whole["networks"], whole["expires_at"]) == (SCOPES, [], None)
    life = datetime.fromisoformat(key["expires_at"]) - datetime.fromisoformat(key["created_at"])
    assert life == timedelta(days=90)

    listed = await told("keys", "list", *SHOP)
    assert [entry["access_key_id"] for entry in listed] == [whole["access_key_id"], key["access_key_id"]]
    entry = listed[1]
    assert {
        name: entry[name] for name in ("name", "scopes", "networks", "calls_per_second", "maker_id", "used_at")
    } == {
        "name": "Nightly report",
        "scopes": ["read", "notifications"],
        "networks": ["10.1.0.0/16", "2001:db8::7/128"],
        "calls_per_second": 5,
        "maker_id": None,
        "used_at": None,
    }
    shown = (await command("keys", "list", *SHOP, settings=settings)).out
    for word in ("everything", "Nightly report", "read, notifications", "10.1.0.0/16, 2001:db8::7/128"):
        assert word in shown

    successor = await told("keys", "rotate", *SHOP, "--key", key["access_key_id"])
    assert (successor["scopes"], successor["networks"], successor["calls_per_second"]) == (
        key["scopes"],
        key["networks"],
        5,
    )


async def test_what_is_not_given_stays_as_it_is(settings: dict[str, str], command: Command, told: Any) -> None:  # noqa: ANN401 - see above
    network = ("--network", "10.1.0.0/16")
    key = await told("keys", "make", *SHOP, "--name", "Report", "--scope", "read", *network, "--expires", "9d")
    named = ("keys", "change", *SHOP, "--key", key["access_key_id"])
    kept: dict[str, object] = {
        "name": "Report",
        "scopes": ["read"],
        "networks": ["10.1.0.0/16"],
        "calls_per_second": None,
    }
    changes: tuple[tuple[tuple[str, ...], dict[str, object]], ...] = (
        (("--scope", "read", "--scope", "refund"), {"scopes": ["read", "refund"]}),
        (("--calls-per-second", "3"), {"calls_per_second": 3}),
        (("--network", "any"), {"networks": []}),
        (("--calls-per-second", "0", "--name", "Refunds"), {"calls_per_second": None, "name": "Refunds"}),
    )
    for given, now in changes:
        kept |= now
        entry = await told(*named, *given)
        assert {field: entry[field] for field in kept} == kept
        assert entry["expires_at"] == key["expires_at"]

    await told("keys", "revoke", *SHOP, "--key", key["access_key_id"])
    ended = await command(*named, "--scope", "read", settings=settings)
    assert (ended.status, "no longer usable" in ended.complaint) == (2, True)


async def test_a_key_gets_a_bearer_secret_of_its_environment(
    settings: dict[str, str],
    command: Command,
    told: Any,  # noqa: ANN401 - see above
) -> None:
    key = (await told("keys", "create", *SHOP))["access_key_id"]
    named = ("keys", "bearer", *SHOP, "--key", key)
    made = await told(*named)
    assert made["access_key_id"] == key
    assert made["bearer_secret"].startswith(f"tsk_test_{key}_")
    shown = (await command(*named, settings=settings)).out
    assert f"tsk_test_{key}_" in shown
    assert made["bearer_secret"] not in shown  # another one, in its place
    for _ in range(2):  # again: nothing changes
        assert (await told("keys", "end-bearer", *SHOP, "--key", key))["status"] == "usable"
    connection = await asyncpg.connect(settings["TALLYSTICK_DATABASE_URL"])
    digest = "SELECT bearer_digest FROM access_key WHERE access_key_id = $1"
    assert await connection.fetchval(digest, key) is None
    await connection.close()
    await told("keys", "revoke", *SHOP, "--key", key)
    ended = await command(*named, settings=settings)
    assert (ended.status, "no longer usable" in ended.complaint) == (2, True)


async def test_a_key_may_end_on_a_day(told: Any) -> None:  # noqa: ANN401 - see above
    day = (datetime.now(UTC) + timedelta(days=40)).date()
    key = await told("keys", "make", *SHOP, "--scope", "everything", "--expires", f"{day}")
    ends = datetime.fromisoformat(key["expires_at"])
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    assert abs(ends - midnight) < timedelta(minutes=5)  # as much later as the command took
    assert key["scopes"] == SCOPES


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "--scope"),
        (("--scope", "pay"), "there is no scope 'pay', only read, charge"),
        (("--scope", "read", "--network", "10.1.2.3/8"), "10.1.2.3/8 has host bits set"),
        (("--scope", "read", "--network", "office"), "a network is given like 10.1.0.0/16"),
        (("--scope", "read", "--expires", "soon"), "an end is given like 90d or 2027-06-30"),
        (("--scope", "read", "--expires", "0d"), "an end is to come"),
        (("--scope", "read", "--expires", "2001-01-01"), "an end is to come"),
        (("--scope", "read", "--expires", f"{10**12}d"), "an end is given like"),
        (("--scope", "read", "--name", "x" * 81), "a name has at most 80 characters"),
        (("--scope", "read", "--calls-per-second", "0"), "calls-per-second"),
    ],
    ids=str,
)
async def test_what_no_key_can_be_made_for(
    settings: dict[str, str], command: Command, arguments: tuple[str, ...], complaint: str
) -> None:
    ended = await command("keys", "make", *SHOP, *arguments, settings=settings)
    assert (ended.status, ended.out) == (2, "")
    assert complaint in ended.complaint


@pytest.mark.parametrize("revoking", [True, False])
async def test_keys_of_somebody_who_leaves_end_if_told_to(settings: dict[str, str], told: Any, revoking: bool) -> None:  # noqa: ANN401 - see above
    for name, role in (("Olive", "owner"), ("Dee", "developer")):
        email = f"{name.lower()}@people.example"
        await told("account", "create", "--kind", "personal", "--email", email, "--name", name)
        await told("staff", "add", *SHOP, "--person", email, "--role", role)
    person = await told("staff", "add", *SHOP, "--person", "dee@people.example", "--role", "developer")
    theirs, others = await told("keys", "create", *SHOP), await told("keys", "create", *SHOP)
    connection = await asyncpg.connect(settings["TALLYSTICK_DATABASE_URL"])
    try:
        await connection.execute(
            "UPDATE access_key SET made_by = $1 WHERE access_key_id = $2", person["person_id"], theirs["access_key_id"]
        )
    finally:
        await connection.close()

    answer = await told(
        "staff", "remove", *SHOP, "--person", "dee@people.example", *(["--revoke-keys"] if revoking else [])
    )

    named = [theirs["access_key_id"]]
    assert (answer["revoked_keys"], answer["kept_keys"]) == ((named, []) if revoking else ([], named))
    listed = {entry["access_key_id"]: entry["status"] for entry in await told("keys", "list", *SHOP)}
    assert listed == {
        theirs["access_key_id"]: "revoked" if revoking else "usable",
        others["access_key_id"]: "usable",
    }
