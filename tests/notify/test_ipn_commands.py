"""The commands around notifications, and the receiver that checks what arrives."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from tests.notify.post_office import PostOffice
from tests.notify.receivers import Receiver, answer, receiver
from tests.stories.operations.program import Command, one_process
from tests.support.books import Books
from tests.support.master_key import MASTER_KEY_TEXT, VAULT
from tests.support.owner import execute_as_owner
from typer.testing import CliRunner

from tallystick.cli.commands.ipn import app, check_url
from tallystick.cli.console import ProblemError
from tallystick.client.notifications import NotGenuineError, Verifier
from tallystick.domain.rails.commands import Paid
from tallystick.store.keys import signing_keys


@pytest.fixture(name="command", scope="module")
async def one_process_for_commands() -> AsyncIterator[Command]:
    async with one_process() as run:
        yield run


@pytest.fixture
def settings(notify_url: str) -> dict[str, str]:
    return {
        "TALLYSTICK_DATABASE_URL": notify_url,
        "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
        "TALLYSTICK_PUBLIC_URL": "https://pay.example",
    }


async def test_dead_events_are_listed_and_replayed(
    office: PostOffice, settings: dict[str, str], command: Command
) -> None:
    shop = office.shop
    account = str(shop.party_id)
    async with receiver(usual=answer(500)) as seller:
        await office.tell(seller.url)
        payment = await office.quick_payment()
        shop.clock.forward(hours=24)
        await office.worker().step()
        listed = await command("ipn", "list", "--account", account, "--state", "dead", "--json", settings=settings)
        (entry,) = json.loads(listed.out)
        assert entry["event_id"] == f"{payment}-1"
        assert (entry["state"], entry["attempts"]) == ("dead", 1)
        assert entry["last_error"] == "the receiver answered 500"
        assert entry["destination"] == seller.url

        people = await command("ipn", "list", "--account", account, settings=settings)
        assert f"{payment}-1" in people.out
        done = await command("ipn", "replay", "--dead", "--account", account, settings=settings)
        assert done.out == "1 event is sent again.\n"
        assert await office.states(payment) == ["waiting"]
        again = await command("ipn", "replay", f"{payment}-1", settings=settings)
        assert again.status == 2
        assert "still waits" in again.complaint


async def test_the_address_is_set_and_taken_away(
    office: PostOffice, settings: dict[str, str], command: Command
) -> None:
    account = ("--account", str(office.shop.party_id))
    url = "https://shop.example:8443/ipn?shop=7"
    done = await command("ipn", "set-url", *account, url, "--no-immediate", "--json", settings=settings)
    assert json.loads(done.out) == {
        "notification_url": url,
        "immediate": False,
        "write_offs": True,
        "signature_method": "RSA-SHA1",
    }
    payment = await office.quick_payment()
    assert await office.states(payment) == ["waiting"]

    done = await command("ipn", "set-url", *account, "--none", settings=settings)
    assert done.out == "No notifications.\n"
    assert await office.states(payment) == ["unwanted"]


async def test_an_address_that_nothing_would_be_sent_to_is_refused_as_on_the_page(
    office: PostOffice, settings: dict[str, str], command: Command
) -> None:
    here = ("ipn", "set-url", "--account", str(office.shop.party_id), "http://127.0.0.1:9/ipn")
    refused = await command(*here, settings=settings)
    assert (refused.status, "not on the public internet" in refused.complaint) == (2, True)

    allowed = settings | {"TALLYSTICK_ALLOW_PRIVATE_NOTIFICATION_TARGETS": "true"}
    done = await command(*here, settings=allowed)
    assert done.out == "Notifications go to http://127.0.0.1:9/ipn.\n"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.example/",
        "https://user:word@shop.example/",
        "shop.example/ipn",
        "https:///ipn",
        "https://shop.example:99999/",
        "https://shop.example/a b",
        "https://shop.example/" + "x" * 2048,
        "https://shop.example/a/../b",
        "https://xn--a/",
    ],
)
def test_addresses_that_cannot_be_set(url: str) -> None:
    with pytest.raises(ProblemError):
        check_url(url)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["set-url", "https://shop.example/", "--none", "--account", "1"], "give a URL or --none, not both"),
        (["set-url", "--account", "1"], "give a URL, or --none for no notifications"),
        (["set-url", "nonsense", "--account", "1"], "not an http or https address: 'nonsense'"),
        (["replay"], "name one event, or give --dead for all dead ones"),
        (["replay", "x", "--account", "1"], "--account goes with --dead"),
        (["listen", "--verify-with", "nonsense"], "not an http or https address: 'nonsense'"),
    ],
)
def test_bad_input_is_told_in_plain_words(arguments: list[str], complaint: str) -> None:
    refused = CliRunner().invoke(app, arguments)
    assert isinstance(refused.exception, ProblemError)
    assert complaint in str(refused.exception)


async def test_an_event_that_does_not_exist(settings: dict[str, str], command: Command) -> None:
    refused = await command("ipn", "replay", "no-such-event", settings=settings)
    assert (refused.status, refused.out) == (2, "")
    assert refused.complaint.startswith("tallystick: no-such-event cannot be sent again: there is no such event")


@dataclass
class Certificates:
    """A service's certificates over a transport of our own: what is asked for is remembered."""

    shop: Books
    asked: list[str]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        pem = await signing_keys.certificate(self.shop.pool, request.url.path.split("/")[2])
        return httpx.Response(200, text=pem) if pem else httpx.Response(404)


@pytest.fixture
async def verifier(shop: Books) -> AsyncIterator[tuple[Verifier, list[str]]]:
    asked: list[str] = []
    async with httpx.AsyncClient(transport=httpx.MockTransport(Certificates(shop, asked))) as http:
        yield Verifier("https://pay.example", http), asked


async def test_a_program_checks_a_notification(
    office: PostOffice, seller: Receiver, verifier: tuple[Verifier, list[str]]
) -> None:
    checks, asked = verifier
    url = f"{seller.url}?shop=7&b=x+y"
    await office.tell(url)
    payment = await office.quick_payment()
    await office.worker().step()
    (received,) = seller.received
    body = received.body.encode()

    assert (await checks.verify(url, body))["transactionId"] == payment
    await checks.verify(url, body)
    assert len(asked) == 1, "a certificate is fetched once"
    for forged in (
        body.replace(b"SUCCESS", b"FAILURE"),
        body.replace(b"pay.example", b"evil.example"),
        body.replace(b"%2Fcerts%2F", b"%2Fcerts%2F..%2F"),
        body.replace(b"signatureVersion=2", b"signatureVersion=1"),
        body + b"&operation=REFUND",
        body + b"&",
        b"\xff",
        b"",
    ):
        with pytest.raises(NotGenuineError):
            await checks.verify(url, forged)
    with pytest.raises(NotGenuineError):
        await checks.verify(seller.url, body)
    assert len(asked) == 1, "nothing was fetched from where a forger says"


async def test_messages_of_a_replaced_key_still_verify(
    office: PostOffice,
    seller: Receiver,
    verifier: tuple[Verifier, list[str]],
    settings: dict[str, str],
    command: Command,
) -> None:
    """The first message is built before the rotation and arrives after it; its retry is signed as before."""
    checks, asked = verifier
    shop = office.shop
    await office.tell(seller.url)
    seller.answers = [answer(500)]
    funding = await office.slow_funding()
    worker = office.worker()
    await worker.notification_sender.dispatch()
    await worker.notification_sender.idle()
    rotated = json.loads((await command("keys", "rotate-signing", "--json", settings=settings)).out)
    await shop.resolve(funding, Paid())
    async with shop.pool.acquire() as connection:
        current = await signing_keys.ensure_current(connection, VAULT, shop.clock())
    assert current.name == rotated["name"]
    assert rotated["certificate_url"] == f"https://pay.example/certs/{current.name}/PKICert.pem"
    shop.clock.forward(seconds=60)
    for _ in range(2):
        await worker.notification_sender.dispatch()
        await worker.notification_sender.idle()

    first, retry, later = seller.received
    assert seller.statuses == ["PENDING", "PENDING", "SUCCESS"]
    assert retry.body == first.body
    for received in seller.received:
        await checks.verify(seller.url, received.body.encode())
    assert len(asked) == 2
    assert f"/certs/{current.name}/" in later.form["certificateUrl"]
    assert f"/certs/{current.name}/" not in first.form["certificateUrl"]


async def test_keys_of_one_day_have_names_of_their_own(shop: Books) -> None:
    now = shop.clock().replace(year=2031)
    async with shop.pool.acquire() as connection:
        names = [(await signing_keys.rotate(connection, VAULT, now)).name for _ in range(3)]
        current = await signing_keys.ensure_current(connection, VAULT, now)
    await execute_as_owner(shop.pool, "DELETE FROM signing_key WHERE name LIKE '31%'")
    assert names == ["310301", "310301-2", "310301-3"]
    assert current.name == "310301-3"
