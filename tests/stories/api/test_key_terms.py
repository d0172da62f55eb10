"""A key is good for its scopes, from its networks, until its end: on every face, and as soon as that changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.support.schemas import CHECKED
from tests.support.shop import Answer, Shop

from tallystick.client.batch import BATCH_PATH, signed_batch
from tallystick.client.fps import Credentials, cobranded_request
from tallystick.domain.scopes import CHARGES_ONLY, EVERYTHING, KeyScope
from tallystick.services.api.registry import ACTIONS
from tallystick.store.keys import access_keys
from tallystick.store.keys.access_keys import KeyTerms
from tallystick.wiring import asgi_app

HERE = "203.0.113.7"
NETWORKS = ("203.0.113.0/24", "2001:db8::/32")

Behind = Callable[..., Shop]


async def with_terms(shop: Shop, **terms: Any) -> Shop:  # noqa: ANN401 - any of KeyTerms
    """The shop with another key, made for this."""
    service = shop.service
    key = await access_keys.create(
        service.pool, service.vault, shop.key.party_id, "sandbox", shop.clock(), terms=KeyTerms(**terms)
    )
    return shop.with_key(key)


async def change(shop: Shop, column: str, value: str) -> None:
    """Change a key behind the service's back, as another process would."""
    statement = f"UPDATE access_key SET {column} = {value} WHERE access_key_id = $1"  # noqa: S608 - ours
    await shop.service.pool.execute(statement, shop.key.access_key_id)


@pytest.fixture
async def behind(shop: Shop) -> AsyncIterator[Behind]:
    """The same service behind a proxy of ours that names the client: the shop as it calls from an address."""
    async with AsyncExitStack() as stack:

        def calling_from(address: str, shop: Shop = shop, proxies: int = 1) -> Shop:
            service = replace(shop.service, settings=replace(shop.service.settings, reverse_proxies=proxies))
            client = httpx.AsyncClient(
                transport=httpx.ASGITransport(asgi_app(service)), headers={"x-forwarded-for": address}, **CHECKED
            )
            stack.push_async_callback(client.aclose)
            return replace(shop, client=client)

        yield calling_from


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS.keys())
async def test_each_action_wants_its_scopes_and_no_others(shop: Shop, action: Any) -> None:  # noqa: ANN401 - a row
    for scope in KeyScope:
        if scope & action.scopes:
            lacking = await with_terms(shop, scopes=(EVERYTHING & ~scope).value)
            answer = await lacking.call(action.name)
            assert (answer.status, answer.code) == (401, "AuthFailure")
            assert f"it lacks the scope {(scope.name or '').lower()}." in answer.text
    enough = await with_terms(shop, scopes=action.scopes)
    assert (await enough.call(action.name)).code in {None, "InvalidParams"}


async def test_a_key_for_charges_charges_and_gives_nothing_back(shop: Shop) -> None:
    buyer, tab = await shop.books.funded_buyer("10.00"), await shop.books.postpaid_buyer()
    program = await with_terms(shop, scopes=CHARGES_ONLY.value)
    paid = await program.done("Pay", shop.pay_parameters(buyer, "1.00"))
    await program.done("Pay", shop.pay_parameters(tab, "1.00"))

    refused = [
        await program.refund(paid.value("TransactionId")),
        await program.write_off(tab, "1.00"),
        await program.settle(tab, "1.00"),
        await program.fund(buyer, "1.00"),
    ]

    assert [answer.code for answer in refused] == ["AuthFailure"] * 4
    assert (await program.balance(buyer), await program.debt(tab)) == (9_000_000, 1_000_000)


async def test_a_refused_use_leaves_its_reference_free(shop: Shop) -> None:
    buyer, program = await shop.books.funded_buyer("10.00"), await with_terms(shop, scopes=KeyScope.READ.value)
    wanted = shop.pay_parameters(buyer, "1.00")
    assert await program.refused("Pay", wanted) == "AuthFailure"
    await shop.done("Pay", wanted)


async def test_calls_of_2007_are_refused_as_they_know_it(shop: Shop) -> None:
    program = await with_terms(shop, scopes=KeyScope.CHARGE.value)
    answer = await program.call("GetAccountBalance", {"Version": "2007-01-08"})
    assert (answer.status, answer.code) == (401, "AuthFailure")


async def test_who_has_no_secret_learns_nothing_of_what_a_key_is_for(shop: Shop) -> None:
    program = await with_terms(shop, scopes=KeyScope.READ.value, networks=NETWORKS)
    forged = program.signed("POST", {"Action": "Pay", "Signature": "AAAA"})
    response = await program.send("POST", forged)
    assert Answer(response.status_code, response.text).code == "SignatureDoesNotMatch"


async def test_a_batch_needs_the_scope_for_charges(shop: Shop, behind: Behind) -> None:
    buyer = await shop.books.funded_buyer("10.00")

    async def sent(program: Shop) -> httpx.Response:
        payment = {"caller_reference": shop.reference(), "sender_token_id": buyer.spending, "amount": "0.10"}
        credentials = Credentials(program.key.access_key_id, program.key.secret)
        headers, body = signed_batch(shop.url, credentials, [payment], shop.clock())
        return await program.client.post(f"{shop.url}{BATCH_PATH}", content=body, headers=headers)

    reader = await sent(await with_terms(shop, scopes=KeyScope.READ.value))
    assert (reader.status_code, reader.json()["code"]) == (401, "AuthFailure")
    elsewhere = await sent(behind("198.51.100.1", await with_terms(shop, networks=NETWORKS)))
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (401, "AuthFailure")
    for program in (
        await with_terms(shop, scopes=KeyScope.CHARGE.value),
        behind(HERE, await with_terms(shop, networks=NETWORKS)),
    ):
        assert '"status":"Success"' in (await sent(program)).text
    assert await shop.balance(buyer) == 9_800_000


async def test_links_need_their_scope_and_no_network(shop: Shop) -> None:
    """Links are opened by buyers, wherever these are."""

    async def opened(program: Shop) -> httpx.Response:
        asked = {
            "pipelineName": "SetupPrepaid",
            "callerReferenceSender": shop.reference(),
            "callerReferenceFunding": shop.reference(),
            "fundingAmount": "10",
            "returnURL": "https://shop.example/back",
        }
        credentials = Credentials(program.key.access_key_id, program.key.secret)
        return await shop.client.get(cobranded_request(shop.url, credentials, asked).url)

    charging = await opened(await with_terms(shop, scopes=CHARGES_ONLY.value))
    assert charging.status_code == 400
    assert "was not made for links to these pages" in charging.text
    linking = await opened(await with_terms(shop, scopes=KeyScope.HOSTED_LINKS.value, networks=NETWORKS))
    assert linking.status_code == 303


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (HERE, None),
        (f"::ffff:{HERE}", None),
        ("2001:db8::1", None),
        ("203.0.114.7", "AuthFailure"),
        ("2001:db9::1", "AuthFailure"),
        (f"{HERE}, 198.51.100.1", "AuthFailure"),  # what a client says of itself does not count
        ("unknown", "AuthFailure"),
    ],
)
async def test_a_key_is_for_its_networks(shop: Shop, behind: Behind, address: str, code: str | None) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    program = behind(address, await with_terms(shop, networks=NETWORKS))
    for _ in range(2):  # the second time the key is cached
        assert (await program.call("Pay", shop.pay_parameters(buyer, "1.00"))).code == code
        assert (await program.call("GetAccountBalance")).code == code


async def test_without_proxies_the_peer_counts_and_not_what_it_says(shop: Shop, behind: Behind) -> None:
    for networks, code in ((NETWORKS, "AuthFailure"), (("127.0.0.1/32",), None)):
        program = await with_terms(shop, networks=networks)
        assert (await program.call("GetAccountBalance")).code == code  # over a socket, from this machine
        assert (await behind(HERE, program, 0).call("GetAccountBalance")).code == code


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("scopes", str(KeyScope.READ.value)),
        ("networks", "'{203.0.113.0/24}'"),
        ("expires_at", "'2001-01-01'"),
    ],
)
async def test_what_changes_about_a_key_in_use_counts_at_once(shop: Shop, column: str, value: str) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    await shop.done("Pay", shop.pay_parameters(buyer, "1.00"))
    assert shop.service.keys.recall(shop.key.access_key_id, shop.clock()) is not None
    await change(shop, column, value)

    code = "InvalidClientTokenId" if column == "expires_at" else "AuthFailure"
    assert (await shop.pay(buyer, "1.00")).code == code
    if column != "scopes":
        assert (await shop.call("GetPrepaidBalance", {"PrepaidInstrumentId": buyer.instrument})).code == code
    assert await shop.books.balance(buyer) == 9_000_000


async def test_a_wider_scope_counts_at_once_too(shop: Shop) -> None:
    buyer, program = await shop.books.funded_buyer("10.00"), await with_terms(shop, scopes=KeyScope.READ.value)
    await program.done("GetPrepaidBalance", {"PrepaidInstrumentId": buyer.instrument})
    assert program.service.keys.recall(program.key.access_key_id, program.clock()) is not None
    await change(program, "scopes", str(CHARGES_ONLY.value))
    await program.done("Pay", shop.pay_parameters(buyer, "1.00"))


async def test_a_key_ends_by_itself_and_its_successor_lives_as_long(shop: Shop) -> None:
    service = shop.service
    program = await with_terms(shop, lifetime=timedelta(days=90), networks=("127.0.0.0/8",), scopes=KeyScope.READ.value)
    shop.clock.forward(days=89)
    await program.done("GetAccountBalance")
    async with service.pool.acquire() as connection:
        overlap = timedelta(days=30)
        new = await access_keys.rotate(
            connection, service.vault, program.key.access_key_id, overlap, shop.clock(), maker_id=shop.key.party_id
        )
    assert (new.scopes, new.networks) == (KeyScope.READ, ("127.0.0.0/8",))
    assert new.expires_at == shop.clock() + timedelta(days=90)
    entries = {entry.access_key_id: entry for entry in await access_keys.list_(service.pool, shop.key.party_id)}
    assert (entries[program.key.access_key_id].maker_id, entries[new.access_key_id].maker_id) == (
        None,
        shop.key.party_id,
    )

    shop.clock.forward(days=1, seconds=1)  # an overlap does not let the old one live longer
    expired = await program.call("GetAccountBalance")
    assert (expired.status, expired.code) == (403, "InvalidClientTokenId")
    assert "The access key in AWSAccessKeyId has expired." in expired.text
    await shop.with_key(new).done("GetAccountBalance")


async def test_another_rotation_does_not_let_a_key_live_longer(shop: Shop) -> None:
    """Somebody rotated it with little time left, as a key that leaked; nobody undoes that."""
    service, program = shop.service, await with_terms(shop, scopes=KeyScope.READ.value)
    async with service.pool.acquire() as connection:
        for overlap in (timedelta(hours=1), timedelta(days=30)):
            await access_keys.rotate(connection, service.vault, program.key.access_key_id, overlap, shop.clock())
    await program.done("GetAccountBalance")

    shop.clock.forward(hours=1, seconds=1)

    assert (await program.call("GetAccountBalance")).code == "InvalidClientTokenId"


def without_time(shop: Shop, stack: AsyncExitStack, **settings: Any) -> Shop:  # noqa: ANN401 - any setting
    """The same service, with rates for which no time passes."""
    service = replace(shop.service, settings=replace(shop.service.settings, **settings))
    service.rates.clock = lambda: 0.0
    client = httpx.AsyncClient(transport=httpx.ASGITransport(asgi_app(service)), **CHECKED)
    stack.push_async_callback(client.aclose)
    return replace(shop, client=client)


async def test_a_key_may_have_a_rate_of_its_own(shop: Shop) -> None:
    async with AsyncExitStack() as stack:
        slow = without_time(await with_terms(shop, calls_per_second=1), stack)
        codes = [(await slow.call("GetAccountBalance")).code for _ in range(4)]
        assert codes == [None, None, "Throttling", "Throttling"]
        others = slow.with_key(shop.key)
        assert [(await others.call("GetAccountBalance")).code for _ in range(4)] == [None] * 4


async def test_a_rate_of_its_own_goes_before_the_setting(shop: Shop) -> None:
    async with AsyncExitStack() as stack:
        usual = without_time(shop, stack, calls_per_second=1)
        fast = usual.with_key((await with_terms(shop, calls_per_second=1_000)).key)
        assert [(await fast.call("GetAccountBalance")).code for _ in range(4)] == [None] * 4
        assert (await usual.call("GetAccountBalance")).code is None
        assert [(await usual.call("GetAccountBalance")).code for _ in range(2)] == [None, "Throttling"]
