"""The hot path of charges answers with the same bytes as the general path, and leaves to it what is not plain."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, cast

import asyncpg
import httpx
import pytest
from tests.stories.v1.conftest import Program, as_problem, program_of
from tests.support.books import Buyer, new_books
from tests.support.lane import LaneTransport, WatchedLane, direct_server, no_pages
from tests.support.shop import usd

from tallystick.db.connections import Pool
from tallystick.domain.ids import BookId
from tallystick.services.api.fair_shares import CallRates
from tallystick.services.reports.spending_tokens import SpendingTokens
from tallystick.store.keys import access_keys
from tallystick.store.ledger.memory.together import write_together
from tallystick.web.api.asgi import HttpAnswer, Scope
from tallystick.web.api.calls import MeasuredCall
from tallystick.web.api.front import Front
from tallystick.web.api.refusing import RefusalWriter
from tallystick.web.v1.app import CallSoFar, JsonApi
from tallystick.web.v1.charge_lane import ChargeTaker
from tallystick.web.v1.charging import plain
from tallystick.web.v1.charging.plain import PlainCharge, PlainCharges
from tallystick.web.v1.endpoint import Endpoint

_OWN = re.compile(rb'"(id|created_at|completed_at|idempotency_key|request_id|transaction|authorization)":"[^"]*"')
"""Members that differ between two requests that are alike."""


@dataclass(frozen=True, slots=True)
class WatchedApi(JsonApi):
    """Tells how many charges were answered on the hot path."""

    answered: list[bool] = field(default_factory=list)

    def charged(self, charged: PlainCharge, answer: HttpAnswer, watched: MeasuredCall) -> HttpAnswer:
        self.answered.append(True)
        return JsonApi.charged(self, charged, answer, watched)

    async def in_general(
        self, endpoint: Endpoint, subject: str, scope: Scope, content: bytes, request_id: str, call: CallSoFar
    ) -> HttpAnswer:
        if (endpoint.method, endpoint.path) == ("POST", plain.PATH):
            self.answered.append(False)
        return await JsonApi.in_general(self, endpoint, subject, scope, content, request_id, call)


class Never(PlainCharges):
    """Leaves everything to the general path."""

    async def charge(self, scope: Scope, content: bytes, request_id: str) -> PlainCharge:
        assert (scope["path"], request_id, content is not None) == (plain.PATH, request_id, True)
        return PlainCharge()


@dataclass
class Side:
    """One of both paths, at an application of its own with a buyer of its own."""

    program: Program
    hot: WatchedApi
    lane: WatchedLane | None = None
    buyer: Any = None

    async def ask(self, content: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of a charge, without what names and moments are in it."""
        named = content.replace(b"AUTH", self.buyer.instrument.encode())
        answer = await self.program.send("POST", "/v1/charges", content=named, headers=headers)
        told = {name: value for name, value in answer.headers.items() if name not in {"request-id", "content-length"}}
        body = answer.content.replace(self.buyer.instrument.encode(), b"AUTH")
        return answer.status_code, told, _OWN.sub(rb'"\1":""', body)


MakeSide = Callable[..., Side]


@pytest.fixture(params=["application", "lane"])
def side_of(request: pytest.FixtureRequest) -> Iterator[MakeSide]:
    """Makes sides: applications by themselves, or behind connections, those with a hot path with the lane."""
    with ExitStack() as stack:

        def made(program: Program, *, hot: bool = True) -> Side:
            service = program.shop.service
            api = WatchedApi(service)
            if not hot:
                object.__setattr__(api, "plain", Never(service))
            transport: httpx.AsyncBaseTransport = httpx.ASGITransport(cast("Any", api))
            lane = None
            if request.param == "lane":
                nothing: Any = no_pages
                front = Front(nothing, nothing, nothing, api, nothing, nothing, RefusalWriter(service.meter))
                takers = {plain.PATH: ChargeTaker(api)}
                server, lane = stack.enter_context(direct_server(service, front, takers, lane=hot))
                transport = LaneTransport(server, api)
            shop = replace(program.shop, client=httpx.AsyncClient(transport=transport), url="http://pay.example")
            return Side(replace(program, shop=shop), api, lane)

        yield made


@pytest.fixture
async def sides(program: Program, side_of: MakeSide) -> tuple[Side, Side]:
    await program.get("/v1/keys")  # the first call reads and pins the key
    await program.get("/v1/keys")
    return side_of(program), side_of(program, hot=False)


def body(**changes: Any) -> bytes:  # noqa: ANN401 - whatever JSON has
    whole = {"authorization": "AUTH", "amount": "0.25", **changes}
    return json.dumps({name: value for name, value in whole.items() if value != "left out"}).encode()


PLAIN: list[bytes] = [
    body(),
    body(amount="1"),
    body(amount="1.000000", currency="USD"),
    body(description="1,000 tokens für Äda", note="job 17"),
    body(description="", note=""),
    b' {"note": "n" ,\n"amount":"0.30","authorization":"AUTH"} ',
]
PLAIN[3] = json.dumps(json.loads(PLAIN[3]), ensure_ascii=False).encode()
OTHERS: list[bytes] = [
    body(description="\u00e9 escaped"),
    body(description=None),
    body(notification_url="https://shop.example/notified"),
    body(timeout_minutes=30),
    body(amount="11.00"),
    body(amount="0.001"),
    body(amount="0.00"),
    body(amount="-1"),
    body(amount=1.5),
    body(amount="left out"),
    body(amounts="1.00"),
    body(currency="EUR"),
    body(description="x" * 4001),
    body(note="line\nline"),
    body(authorization="no id"),
    b'{"authorization":"AUTH","amount":"0.25","amount":"0.50"}',
    b'{"authorization":"AUTH","amount":"0.25"',
    b"[]",
    b"",
    b"\xff",
]


async def test_both_paths_answer_with_the_same_bytes(program: Program, sides: tuple[Side, Side]) -> None:
    hot, general = sides
    for one in sides:
        one.buyer = await one.program.shop.books.funded_buyer("10.00", limit="25.00")
    usual = {"content-type": "application/json"}
    requests: list[tuple[bytes, dict[str, str]]] = []
    for number, content in enumerate(PLAIN + OTHERS):
        requests.append((content, {**usual, "idempotency-key": f"plain-{number}"}))
    again = {**usual, "idempotency-key": "plain-0"}
    requests += [
        (PLAIN[0], again),
        (body(amount="0.250000"), again),
        (body(amount="0.26"), again),
        (PLAIN[0], usual),
        (PLAIN[0], {**usual, "idempotency-key": "é"}),
        (PLAIN[0], {**again, "content-type": "text/plain"}),
        (PLAIN[0], {**usual, "content-type": "application/json; charset=utf-8", "idempotency-key": "plain-charset"}),
        (PLAIN[0], {**usual, "tallystick-version": "1999-12-31", "idempotency-key": "plain-version"}),
        (PLAIN[0], {**usual, "authorization": "Bearer tsk_test_x", "idempotency-key": "plain-secret"}),
    ]
    for content, headers in requests:
        seen = await hot.ask(content, headers)
        key = headers.get("idempotency-key")
        otherwise = headers if key is None else {**headers, "idempotency-key": f"{key}g"}
        assert seen == await general.ask(content, otherwise), content
    assert hot.hot.answered[: len(PLAIN)] == [True] * len(PLAIN)
    assert not any(hot.hot.answered[len(PLAIN) :])
    if hot.lane is not None:  # whose first charge of an authorization has to look it up, which the application does
        assert hot.lane.taken[: len(PLAIN)] == [False, *[True] * (len(PLAIN) - 1)]
    left = [await program.shop.balance(one.buyer) for one in sides]
    assert left[0] == left[1]


async def test_what_is_answered_is_what_is_in_the_books(sides: tuple[Side, Side]) -> None:
    hot, _ = sides
    books = hot.program.shop.books
    for buyer in (await books.funded_buyer("10.00"), await books.postpaid_buyer("100.00")):
        made = await hot.program.post(
            "/v1/charges", {"authorization": buyer.instrument, "amount": "0.25", "description": "songs", "note": "n"}
        )
        assert await hot.program.get(f"/v1/charges/{made['id']}") == made
    assert hot.hot.answered == [True, True]


async def test_a_charge_of_either_path_and_a_signed_pay_are_one_under_one_key(
    program: Program, sides: tuple[Side, Side]
) -> None:
    hot, general = sides
    buyer = await program.shop.books.funded_buyer("10.00")
    charge = {"authorization": buyer.instrument, "amount": "0.25", "description": "songs", "note": "n"}
    made = await hot.program.post("/v1/charges", charge, "one")
    texts = {"SenderDescription": "songs", "CallerDescription": "n", "CallerReference": "one"}
    paid = await program.shop.done("Pay", program.shop.pay_parameters(buyer, "0.250") | texts)
    assert paid.value("TransactionId") == made["id"]
    for side in (general, hot):
        answer = await side.program.send("POST", "/v1/charges", key="one", json=charge)
        assert (answer.status_code, answer.json()["id"]) == (200, made["id"])
    assert await program.shop.balance(buyer) == usd("9.75")


@pytest.mark.parametrize("change", ["revoked", "another secret", "without the scope"])
async def test_a_cached_secret_that_has_ended_charges_nothing(program: Program, side_of: MakeSide, change: str) -> None:
    own = await program_of(program.shop)
    await own.get("/v1/keys")
    await own.get("/v1/keys")
    side = side_of(own)
    shop, now = program.shop, program.shop.clock()
    buyer = await shop.books.funded_buyer("10.00")
    charge = {"authorization": buyer.instrument, "amount": "1.00"}
    for number in range(3):  # the third is decided from memory
        await side.program.post("/v1/charges", charge, f"{change}-{number}")
    assert side.hot.answered == [True] * 3
    key_id = own.shop.key.access_key_id
    if change == "revoked":
        await shop.service.pool.execute("UPDATE access_key SET revoked_at = $2 WHERE access_key_id = $1", key_id, now)
    elif change == "another secret":
        await access_keys.make_bearer(shop.service.pool, key_id, now)
    else:
        await shop.service.pool.execute("UPDATE access_key SET scopes = 1 WHERE access_key_id = $1", key_id)
    answer = await side.program.send("POST", "/v1/charges", key=f"{change}-late", json=charge)
    assert as_problem(answer)["status"] in {401, 403}
    assert await shop.balance(buyer) == usd("7.00")


async def test_a_refusal_is_counted_once_and_what_is_cancelled_is_charged_no_more(
    program: Program, side_of: MakeSide
) -> None:
    own = await program_of(program.shop, calls_per_second=20)
    still = replace(program.shop.service)
    object.__setattr__(still, "rates", CallRates(0, 0, clock=lambda: 0.0))
    side = side_of(replace(own, shop=replace(own.shop, service=still)))
    await side.program.get("/v1/keys")
    await side.program.get("/v1/keys")
    buyer = await program.shop.books.funded_buyer("10.00")
    charge = {"authorization": buyer.instrument, "amount": "1.00"}
    await side.program.post("/v1/charges", charge)
    await program.shop.done("CancelToken", {"TokenId": buyer.spending})
    left = []
    for number in range(2):
        answer = await side.program.send("POST", "/v1/charges", key=f"refused-{number}", json=charge)
        assert as_problem(answer)["code"] == "authorization_not_active"
        left.append(int(answer.headers["ratelimit"].split("r=")[1].split(";")[0]))
    assert left == [36, 35], "of 40 within two seconds, each request is one"
    assert side.hot.answered == [True, False, False]


async def test_rivals_with_one_key_make_one_charge(program: Program, sides: tuple[Side, Side]) -> None:
    hot, general = sides
    buyer = await hot.program.shop.books.funded_buyer("10.00")
    charge = {"authorization": buyer.instrument, "amount": "1.00"}
    both = [side.program.send("POST", "/v1/charges", key="rivals", json=charge) for side in (hot, general) * 4]
    answers = await asyncio.gather(*both)
    assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert await program.shop.balance(buyer) == usd("9.00")


@dataclass
class BreakingCommitter:
    """Loses the connection during each commit."""

    lost: int = 0

    def reads_optimistically(self, _: BookId) -> bool:
        return True

    def perform(self, *_: object) -> asyncio.Future[None]:
        self.lost += 1
        answer = asyncio.get_running_loop().create_future()
        answer.set_exception(ConnectionResetError())
        return answer


async def test_what_may_have_been_charged_is_told_and_not_tried_again(program: Program, side_of: MakeSide) -> None:
    await program.get("/v1/keys")
    await program.get("/v1/keys")
    usual = {"content-type": "application/json", "idempotency-key": "lost"}
    seen = []
    for hot in (True, False):
        service, breaking = replace(program.shop.service), BreakingCommitter()
        object.__setattr__(service, "keys", program.shop.service.keys)
        side = side_of(replace(program, shop=replace(program.shop, service=service)), hot=hot)
        side.buyer = await program.shop.books.funded_buyer("10.00")
        if hot:
            assert (await side.ask(body(), {**usual, "idempotency-key": "found"}))[0] == 201
        object.__setattr__(service, "committer", breaking)
        seen.append(await side.ask(body(), usual))
        assert breaking.lost == 1
        assert side.lane is None or not hot or side.lane.taken == [False, True]
    assert seen[0] == seen[1]
    assert seen[0][0] == 503


@pytest.mark.parametrize("broken", ["", "group_commits.optimistic_read"], ids=["once", "twice"])
async def test_what_was_charged_though_nobody_heard_is_told_to_who_asked_as_made(
    program: Program, sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    async def lost(connection: Any, *rest: Any) -> None:  # noqa: ANN401 - passed on as they come
        await write_together(connection, *rest)
        written.append(1)
        raise ConnectionResetError

    async def fail(*_: object) -> None:
        raise ConnectionResetError

    side, shop, written = sides[0], program.shop, list[int]()
    buyer = await shop.books.funded_buyer("10.00")
    charge = {"authorization": buyer.instrument, "amount": "1.00"}
    for number in range(3):  # the third is decided from memory
        await side.program.post("/v1/charges", charge, f"heard-{broken}-{number}")
    monkeypatch.setattr("tallystick.store.ledger.group_commits.write_together", lost)
    if broken:  # then the cached key cannot be revalidated, and is read
        monkeypatch.setattr(f"tallystick.store.ledger.{broken}", fail)
    answer = await side.program.send("POST", "/v1/charges", key=f"lost-{broken}", json=charge)
    again = await side.program.send("POST", "/v1/charges", key=f"lost-{broken}", json=charge)

    assert written == [1]
    assert (answer.status_code, "idempotent-replay" in answer.headers) == (201, False)
    assert (again.status_code, again.headers["idempotent-replay"]) == (200, "true")
    assert again.json() == answer.json()
    assert await shop.balance(buyer) == usd("6.00")


@dataclass
class CountingDatabase:
    """A database that tells how many statements read from it."""

    pool: Pool
    statements: int = 0

    async def fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        self.statements += 1
        return await self.pool.fetch(query, *values)


async def test_authorizations_that_are_asked_for_together_are_found_by_one_statement(program: Program) -> None:
    books = program.shop.books
    buyers = [await books.funded_buyer("10.00") for _ in range(3)]
    foreign = await (await new_books(books.pool, books.clock)).funded_buyer("10.00")
    counting = CountingDatabase(books.pool)
    tokens = SpendingTokens(cast("Pool", counting))
    asked = [*(buyer.instrument for buyer in buyers), foreign.instrument, "no\0id", buyers[0].instrument]
    found = await asyncio.gather(*(tokens.find((books.book_id,), one) for one in asked))
    assert found == [*(buyer.spending for buyer in buyers), None, None, buyers[0].spending]
    assert counting.statements == 1
    assert await tokens.find((books.book_id,), buyers[1].instrument) == buyers[1].spending
    assert counting.statements == 2, "who has to be sure hears nothing that was kept"


async def test_tokens_that_were_found_are_known_to_their_sellers_alone(program: Program) -> None:
    books = program.shop.books
    buyers = [await books.funded_buyer("10.00") for _ in range(3)]
    tokens, own, other = SpendingTokens(books.pool), (books.book_id,), (BookId(books.book_id + 1),)
    assert tokens.known(own, buyers[0].instrument) is None
    for buyer in buyers:
        await tokens.find(own, buyer.instrument)
    assert [tokens.known(own, buyer.instrument) for buyer in buyers] == [buyer.spending for buyer in buyers]
    assert tokens.known((*other, *own), buyers[0].instrument) == buyers[0].spending
    assert tokens.known(other, buyers[0].instrument) is None
    tokens.forget(buyers[0].instrument)
    tokens.forget("nobody's")
    known = [tokens.known(own, buyer.instrument) for buyer in buyers]
    assert known == [None, buyers[1].spending, buyers[2].spending]
    await tokens.find(own, buyers[0].instrument)
    assert tokens.known(own, buyers[0].instrument) == buyers[0].spending


async def test_first_charges_that_come_together_are_all_answered_on_the_hot_path(sides: tuple[Side, Side]) -> None:
    side = sides[0]
    buyers = [await side.program.shop.books.funded_buyer("10.00") for _ in range(5)]

    async def charge(buyer: Buyer) -> int:
        content = body().replace(b"AUTH", buyer.instrument.encode())
        headers = {"content-type": "application/json", "idempotency-key": f"first-{buyer.instrument}"}
        return (await side.program.send("POST", "/v1/charges", content=content, headers=headers)).status_code

    assert await asyncio.gather(*(charge(buyer) for buyer in buyers)) == [201] * 5
    assert side.hot.answered == [True] * 5
