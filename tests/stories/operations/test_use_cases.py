"""Pages and commands share use cases: an action and its row in the audit log are one commit, whoever asks for it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest
from tests.stories.pictures import png
from tests.support.certificates import key_pair
from tests.support.shop import Shop

from tallystick.domain.ids import PartyId
from tallystick.domain.periods import Period
from tallystick.domain.scopes import EVERYTHING, scope_names
from tallystick.services.context import Service
from tallystick.services.operations import account_standing, accounts, audit, operators, verification
from tallystick.services.operations.audit import Actor
from tallystick.services.seller import (
    access_keys,
    branding,
    certificates,
    faults,
    logos,
    notification_settings,
    sandbox_clock,
    staff,
)
from tallystick.services.seller.access_keys import KeyTerms, UnknownKeyError
from tallystick.services.seller.branding import Branding
from tallystick.services.seller.certificates import CertificateTakenError, UnknownCertificateError
from tallystick.services.seller.notification_settings import KEEP, NoBooksError, UnusableAddressError
from tallystick.services.seller.staff import LastOwnerError, StaffRole
from tallystick.store.accounts import parties

COMMAND = Actor.command("root")
NOBODY = Actor(PartyId(2**40))
"""An actor for whom the database refuses an audit row, so that the action must not be done either."""


UNTOLD = Actor.command("\0")
"""A command that may do everything, with a name that the audit log cannot hold."""


async def person(service: Service) -> parties.Party:
    email = f"{secrets.token_hex(8)}@people.example"
    async with service.pool.acquire() as connection:
        return await parties.create_personal(connection, email, "Robin Sample", "", service.clock())


async def rows(shop: Shop) -> list[dict[str, Any]]:
    """What the seller's audit log has, the oldest first."""
    found = await audit.latest(shop.service, 100, business_id=shop.key.party_id)
    return [
        {**one.details, "action": one.action, "subject": one.subject, "environment": one.environment}
        for one in reversed(found)
    ]


async def standing_of(shop: Shop) -> accounts.Account:
    found = await accounts.account_of(shop.service, shop.key.party_id)
    assert found is not None
    return found


async def test_a_command_leaves_its_row_with_who_ran_it(shop: Shop) -> None:
    key = await access_keys.create(shop.service, COMMAND, shop.key.party_id, "sandbox")

    (entry,) = await audit.latest(shop.service, 10, business_id=shop.key.party_id)
    assert (entry.action, entry.subject, entry.environment) == ("key.create", key.access_key_id, "sandbox")
    assert entry.actor_id is None
    assert entry.details == {
        "name": "",
        "scopes": scope_names(EVERYTHING),
        "networks": [],
        "expires_at": None,
        "calls_per_second": None,
        "machine_user": "root",
    }


async def _forward(shop: Shop) -> None:
    hand = await sandbox_clock.read(shop.service, shop.books.book_id)
    await sandbox_clock.forward(
        shop.service, NOBODY, shop.key.party_id, shop.books.book_id, hand, Period.parse("1 Day")
    )


async def _suspend(shop: Shop) -> None:
    await account_standing.set_standing(shop.service, NOBODY, await standing_of(shop), status="suspended")


async def _add_operator(shop: Shop) -> None:
    await operators.add(shop.service, NOBODY, await person(shop.service))


async def _add_staff(shop: Shop) -> None:
    await staff.add(shop.service, NOBODY, shop.key.party_id, await person(shop.service), StaffRole.OWNER)


ACTION_WORDS: dict[str, Callable[[Shop], Awaitable[object]]] = {
    "a key made": lambda shop: access_keys.create(shop.service, UNTOLD, shop.key.party_id, "sandbox"),
    "a key rotated": lambda shop: access_keys.rotate(
        shop.service, UNTOLD, shop.key.party_id, shop.key.access_key_id, timedelta(hours=1)
    ),
    "a key changed": lambda shop: access_keys.change(
        shop.service, UNTOLD, shop.key.party_id, shop.key.access_key_id, KeyTerms(scopes=1)
    ),
    "a key revoked": lambda shop: access_keys.revoke(shop.service, NOBODY, shop.key.party_id, shop.key.access_key_id),
    "a certificate": lambda shop: certificates.register(
        shop.service, NOBODY, shop.key.party_id, "sandbox", key_pair(shop.clock()).certificate_pem
    ),
    "notification settings": lambda shop: notification_settings.save(
        shop.service, NOBODY, shop.key.party_id, "sandbox", url="http://127.0.0.1:9/", immediate=True
    ),
    "the clock": _forward,
    "a fault": lambda shop: faults.place(
        shop.service, NOBODY, shop.key.party_id, shop.books.book_id, next(iter(faults.OPERATIONS)), None
    ),
    "branding": lambda shop: branding.save(shop.service, NOBODY, shop.key.party_id, Branding("Songs")),
    "a logo": lambda shop: logos.save(shop.service, NOBODY, shop.key.party_id, png(20, 20)),
    "a proof": lambda shop: verification.ask(shop.service, NOBODY),
    "standing": _suspend,
    "an operator": _add_operator,
    "one of the staff": _add_staff,
}


STATE = """
SELECT (SELECT count(*) FROM access_key WHERE party_id = $1) AS keys,
       (SELECT count(*) FROM access_key WHERE party_id = $1 AND revoked_at IS NULL AND expires_at IS NULL) AS usable,
       (SELECT sum(scopes) FROM access_key WHERE party_id = $1) AS scopes,
       (SELECT count(*) FROM certificate WHERE party_id = $1) AS certificates,
       (SELECT row(notification_url, notify_immediate, clock_offset_seconds)::text FROM book WHERE party_id = $1),
       (SELECT count(*) FROM simulated_fault JOIN book USING (book_id) WHERE party_id = $1) AS faults,
       (SELECT count(*) FROM branding WHERE party_id = $1) AS branding,
       (SELECT count(*) FROM logo WHERE party_id = $1) AS logos,
       (SELECT count(*) FROM verification_run WHERE finished_at IS NULL) AS proofs,
       (SELECT row(status, session_round)::text FROM party WHERE party_id = $1),
       (SELECT count(*) FROM operator) AS operators,
       (SELECT count(*) FROM staff WHERE business_id = $1) AS staff
"""


@pytest.mark.parametrize("deed", ACTION_WORDS.values(), ids=ACTION_WORDS.keys())
async def test_what_cannot_be_written_down_is_not_done(shop: Shop, deed: Callable[[Shop], Awaitable[object]]) -> None:
    before = await shop.service.pool.fetchrow(STATE, shop.key.party_id)

    with pytest.raises((asyncpg.ForeignKeyViolationError, asyncpg.UntranslatableCharacterError)):
        await deed(shop)

    assert await shop.service.pool.fetchrow(STATE, shop.key.party_id) == before


async def test_suspending_by_command_signs_out_everywhere_and_leaves_its_row(shop: Shop) -> None:
    before = await accounts.find(shop.service, shop.key.party_id)
    assert before is not None

    party = await account_standing.set_standing(
        shop.service, COMMAND, await standing_of(shop), status="suspended", denied=True, reason=" asked\n to "
    )

    after = await accounts.find(shop.service, shop.key.party_id)
    assert after is not None
    assert (party.status, after.status) == ("suspended", "suspended")
    assert after.session_round == before.session_round + 1
    assert [(row["action"], row["reason"]) for row in await rows(shop)] == [
        ("account.suspend", "asked to"),
        ("account.hold", "asked to"),
    ]


async def test_what_an_account_was_already_leaves_no_row(shop: Shop) -> None:
    await account_standing.set_standing(
        shop.service, COMMAND, await standing_of(shop), status="active", marketplace=True, denied=False
    )
    assert await rows(shop) == []


@pytest.mark.parametrize(
    ("said", "deeds"),
    [
        ({"status": "closed"}, ["account.close"]),
        ({"email_verified": False}, ["account.unverify_email"]),
        ({"account_verified": True}, ["account.verify"]),
        ({"receives_cards": False, "marketplace": False}, ["account.no_cards", "account.no_marketplace"]),
    ],
    ids=str,
)
async def test_each_thing_said_of_an_account_has_a_row_of_its_own(
    shop: Shop, said: dict[str, Any], deeds: list[str]
) -> None:
    await account_standing.set_standing(shop.service, COMMAND, await standing_of(shop), **said)
    assert [row["action"] for row in await rows(shop)] == deeds


async def test_the_key_of_another_seller_is_unknown(shop: Shop, open_shop: Callable[[], Awaitable[Shop]]) -> None:
    other = await open_shop()
    with pytest.raises(UnknownKeyError):
        await access_keys.revoke(shop.service, COMMAND, shop.key.party_id, other.key.access_key_id)
    with pytest.raises(UnknownKeyError):
        await access_keys.rotate(shop.service, COMMAND, shop.key.party_id, other.key.access_key_id, timedelta(0))
    assert await rows(shop) == await rows(other) == []


async def test_a_key_is_revoked_once(shop: Shop) -> None:
    revoke = partial(access_keys.revoke, shop.service, COMMAND, shop.key.party_id, shop.key.access_key_id)
    first, *_ = await asyncio.gather(*(revoke() for _ in range(4)))
    shop.clock.forward(minutes=1)
    again = await access_keys.revoke(shop.service, COMMAND, shop.key.party_id, shop.key.access_key_id)

    assert again == first
    assert first.revoked_at is not None
    assert [row["action"] for row in await rows(shop)] == ["key.revoke"]


async def test_certificates_are_registered_and_revoked_once(shop: Shop) -> None:
    pem, seller_id = key_pair(shop.clock()).certificate_pem, shop.key.party_id
    entry = await certificates.register(shop.service, COMMAND, seller_id, "sandbox", pem)
    with pytest.raises(CertificateTakenError):
        await certificates.register(shop.service, COMMAND, seller_id, "sandbox", pem)
    printed = ":".join(entry.fingerprint[place : place + 2] for place in range(0, 64, 2)).upper()
    revoked = await certificates.revoke(shop.service, COMMAND, seller_id, printed)
    assert await certificates.revoke(shop.service, COMMAND, seller_id, entry.fingerprint) == revoked
    with pytest.raises(UnknownCertificateError):
        await certificates.revoke(shop.service, COMMAND, seller_id, "00")

    assert await certificates.list_(shop.service, seller_id) == [revoked]
    assert [(row["action"], row["subject"]) for row in await rows(shop)] == [
        ("certificate.register", entry.fingerprint),
        ("certificate.revoke", entry.fingerprint),
    ]


async def test_notification_settings_say_in_the_log_what_they_are_now(shop: Shop) -> None:
    seller_id = shop.key.party_id
    await notification_settings.save(
        shop.service, COMMAND, seller_id, "sandbox", url="http://127.0.0.1:9/ipn", immediate=False, write_offs=True
    )
    kept = await notification_settings.save(shop.service, COMMAND, seller_id, "sandbox", url=KEEP, immediate=True)
    none = await notification_settings.save(shop.service, COMMAND, seller_id, "sandbox", url=None)

    assert (kept.notification_url, kept.notify_immediate, kept.notify_write_offs) == (
        "http://127.0.0.1:9/ipn",
        True,
        True,
    )
    assert (none.notification_url, none.notify_immediate) == (None, True)
    assert [(row["subject"], row["immediate"], row["write_offs"]) for row in await rows(shop)] == [
        ("http://127.0.0.1:9/ipn", False, True),
        ("http://127.0.0.1:9/ipn", True, True),
        ("", True, True),
    ]


async def test_notifications_go_to_public_addresses_alone_whoever_sets_them(shop: Shop) -> None:
    settings = replace(shop.service.settings, allow_private_notification_targets=False)
    service = replace(shop.service, settings=settings)
    for url in ("http://127.0.0.1:9/ipn", "ftp://shop.example/"):
        with pytest.raises(UnusableAddressError):
            await notification_settings.save(service, COMMAND, shop.key.party_id, "sandbox", url=url)
    with pytest.raises(NoBooksError):
        await notification_settings.save(service, COMMAND, shop.key.party_id, "live", url=None)
    assert await rows(shop) == []


async def test_the_staff_of_a_seller_changes_and_is_never_without_an_owner(shop: Shop) -> None:
    service, seller_id = shop.service, shop.key.party_id
    someone = await person(service)
    assert await staff.add(service, COMMAND, seller_id, someone, StaffRole.OWNER)
    assert not await staff.add(service, COMMAND, seller_id, someone, StaffRole.VIEWER)
    post = await staff.post_of(service, seller_id, someone.party_id)
    assert post is not None
    assert post.role == StaffRole.OWNER
    with pytest.raises(LastOwnerError):
        await staff.change_role(service, COMMAND, post, StaffRole.VIEWER)
    with pytest.raises(LastOwnerError):
        await staff.remove(service, COMMAND, post)
    await staff.change_role(service, COMMAND, post, StaffRole.OWNER)

    assert [(row["action"], row["subject"]) for row in await rows(shop)] == [("staff.add", someone.email)]


async def test_operators_come_and_go_once(shop: Shop) -> None:
    service, someone = shop.service, await person(shop.service)
    assert await operators.add(service, COMMAND, someone)
    assert not await operators.add(service, COMMAND, someone)
    assert await operators.is_operator(service, someone)
    assert await operators.remove(service, COMMAND, someone)
    assert not await operators.remove(service, COMMAND, someone)

    found = await audit.latest(service, 10, subject=someone.email)
    assert [entry.action for entry in found] == ["operator.remove", "operator.add"]
