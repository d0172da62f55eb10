"""Every command that changes something leaves a row in the audit log, or the table says why there is none."""

from __future__ import annotations

import json
import os
import pwd
import shlex
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.conftest import MakeDatabase
from tests.store.direct import taken, work
from tests.stories.operations.audit_table import ACTION_WORDS, IN_OTHER_TESTS, WITHOUT
from tests.stories.operations.program import Command
from tests.stories.pages.audit_table import FORMS
from tests.stories.pictures import png
from tests.support.books import new_seller
from tests.support.certificates import key_pair
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY, MASTER_KEY_TEXT
from typer.core import TyperGroup

from tallystick.cli.app import whole_program
from tallystick.db.connections import Pool
from tallystick.domain.banking.bank_accounts import BankAccount
from tallystick.domain.commands import Method, RequestPayout
from tallystick.domain.outcomes import Accepted
from tallystick.domain.rails.commands import RailOperation
from tallystick.services.events import endpoints
from tallystick.services.events.endpoints import EndpointWish
from tallystick.services.operations.audit import ACTIONS, Actor
from tallystick.settings import Settings
from tallystick.store.accounts import parties, second_factors
from tallystick.store.keys.certificates import fingerprint_of
from tallystick.store.payouts import destinations
from tallystick.store.rails import ordered_faults
from tallystick.store.records import outbox
from tallystick.wiring import open_service

pytestmark = pytest.mark.timeout(300)

AGE = timedelta(days=60)


@dataclass
class Scene:
    """A seller with history old enough to archive, its database, and the values that commands take."""

    pool: Pool
    seller: int
    settings: dict[str, str]
    given: Mapping[str, str]


@pytest.fixture
async def scene(make_migrated: MakeDatabase, tmp_path: Path) -> AsyncIterator[Scene]:
    url, now = await make_migrated(), datetime.now(UTC)
    pair = key_pair(now - timedelta(days=1))
    (tmp_path / "certificate.pem").write_bytes(pair.certificate_pem)
    (tmp_path / "statement.csv").write_text(f"date,amount,kind\n{now:%Y-%m-%d},-0.30,fee\n")
    (tmp_path / "logo.png").write_bytes(png(9, 9))
    clock = TestClock(now - AGE)
    settings = Settings(data_directory=tmp_path, database_url=url, public_url="", master_key=MASTER_KEY)
    settings = replace(settings, allow_private_notification_targets=True)  # an endpoint on this machine
    async with open_service(settings, clock) as service:
        async with service.pool.acquire() as connection:
            ben = await parties.create_personal(connection, "ben@people.example", "Ben", "no hash", clock())
            await second_factors.add(connection, ben.party_id, b"sealed", 0, [], clock())
        seller, key, books = await new_seller(service, clock, "shop@music.example")
        assert key.book_id is not None
        buyer = await books.funded_buyer("10.00")
        await books.pay(buyer, "1.00")
        clock.forward(days=AGE.days)
        async with service.pool.acquire() as connection:
            await outbox.set_address(connection, key.book_id, "https://shop.example/told", clock())
        await books.pay(buyer, "2.00")
        payment = taken(await books.pay(buyer, "3.00"))
        owing = await books.postpaid_buyer(method=Method.CC)
        await books.pay(owing, "2.00")
        await service.pool.execute("UPDATE outbox SET state = 'dead', due_at = NULL WHERE state = 'waiting'")
        unspent = await books.funded_buyer("2.00")
        charged = taken(await books.fund(await books.prepaid_buyer(method=Method.CC), "5.00"), "Pending")
        await work(books)
        await service.pool.execute("UPDATE outbox SET state = 'dead', due_at = NULL WHERE state = 'waiting'")
        async with service.pool.acquire() as connection, connection.transaction():
            bank = await destinations.give(
                connection,
                service.vault,
                seller.party_id,
                "sandbox",
                BankAccount("Music Shop", iban="DE89370400440532013000"),
                made_by=None,
                now=clock(),
                usable_at=clock(),
            )
        by_hand = [await books.perform(RequestPayout(books.request(), 100_000, "manual", bank)) for _ in range(2)]
        await books.perform(RequestPayout(books.request(), 100_000, "file", bank))
        payouts = [made.transaction_id for made in by_hand if isinstance(made, Accepted)]
        now_here, faulty = clock(), books.book_id
        waiting, holding = [
            await ordered_faults.place(service.pool, faulty, operation, None, now_here)
            for operation in (RailOperation.AUTHORIZE, RailOperation.REFUND)
        ]
        await ordered_faults.met_by(service.pool, f"{charged}.refund", RailOperation.REFUND, now_here)
        lost = taken(await books.fund(await books.prepaid_buyer(method=Method.CC), "4.00"), "Pending")
        await service.pool.execute(
            "UPDATE rail_request SET attempts = 1, opened_at = $2, asked_at = $2 WHERE transaction_id = $1",
            lost,
            clock() - timedelta(days=2),
        )
        endpoint = await endpoints.create(
            service, Actor(None), seller.party_id, "sandbox", EndpointWish("http://127.0.0.1:9/events")
        )
        given = {
            "endpoint": endpoint.endpoint.endpoint_id,
            "lost_order": lost,
            "waiting_fault": waiting,
            "holding_fault": holding,
            "payout": payouts[0],
            "other_payout": payouts[1],
            "payout_file": str(tmp_path / "payouts.xml"),
            "balance": unspent.instrument,
            "tab": owing.instrument,
            "payment": payment,
            "charge": charged,
            "shop": seller.email,
            "person": "ann@people.example",
            "colleague": "ben@people.example",
            "key": key.access_key_id,
            "statement": str(tmp_path / "statement.csv"),
            "logo": str(tmp_path / "logo.png"),
            "certificate": str(tmp_path / "certificate.pem"),
            "fingerprint": fingerprint_of(pair.certificate),
            "event": await service.pool.fetchval("SELECT event_id FROM outbox WHERE state = 'dead' LIMIT 1"),
            "day": f"{now - AGE / 2:%Y-%m-%d}",
            "day_of_key": f"{now:%y%m%d}",
            "directory": str(tmp_path / "archive"),
        }
        environment = {
            "TALLYSTICK_DATABASE_URL": url,
            "TALLYSTICK_DATA_DIRECTORY": str(tmp_path),
            "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
            "TALLYSTICK_PAYOUT_SENDER_NAME": "Example Payments",
            "TALLYSTICK_PAYOUT_SENDER_IBAN": "DE75512108001245126199",
        }
        yield Scene(service.pool, seller.party_id, environment, given)


async def test_every_deed_leaves_its_row(scene: Scene, command: Command) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("sepaxml")
    me = pwd.getpwuid(os.getuid()).pw_name
    last, wrong = await scene.pool.fetchval("SELECT max(audit_id) FROM audit_entry"), []  # of the endpoint
    for deed in ACTION_WORDS:
        arguments = [word.format_map(scene.given) for word in shlex.split(deed.command)]
        ended = await command(*arguments, "--json", settings=scene.settings, typed=deed.typed)
        assert ended.status == 0, (deed, ended)
        rows = await scene.pool.fetch("SELECT * FROM audit_entry WHERE audit_id > $1 ORDER BY audit_id", last)
        last = max((row["audit_id"] for row in rows), default=last)
        found = [(row["action"], row["actor_id"], row["details"].get("machine_user")) for row in rows]
        if found != [(deed.action, None, me)]:
            wrong.append((deed.command, found))
        elif "{shop}" in deed.command and rows[0]["business_id"] != scene.seller:
            wrong.append((deed.command, rows[0]["business_id"]))
    assert wrong == []

    proven = await command("verify", "--json", settings=scene.settings)
    assert json.loads(proven.out)["ok"] is True


def test_every_command_has_its_entry() -> None:
    named = {deed.name for deed in ACTION_WORDS}
    assert named | set(WITHOUT) == set(names_of(whole_program()))
    assert named & set(WITHOUT) == set()


def names_of(group: TyperGroup, before: str = "") -> Iterator[str]:
    """The names of all commands: the words of their groups and their own."""
    for word, one in group.commands.items():
        name = f"{before}{word}"
        if not isinstance(one, TyperGroup) or one.invoke_without_command:
            yield name
        if isinstance(one, TyperGroup):
            yield from names_of(one, f"{name} ")


def test_every_kind_of_deed_is_done_somewhere() -> None:
    assert {deed.action for deed in ACTION_WORDS} | {form.action for form in FORMS} | set(IN_OTHER_TESTS) == set(
        ACTIONS
    )
