"""The query API without a server: what happens when something of ours fails, and what settings change."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import asyncpg
import httpx
import pytest
from structlog.testing import capture_logs
from tests.support.master_key import MASTER_KEY, VAULT
from tests.support.schemas import CHECKED
from tests.support.shop import Answer, canonical, signature

from tallystick.db.connections import Pool
from tallystick.domain.refusals import Refusal
from tallystick.services.context import Service
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.services.process.meter import Meter
from tallystick.settings import Settings
from tallystick.store.accounts import parties
from tallystick.store.keys import access_keys
from tallystick.store.keys.access_keys import AccessKey
from tallystick.store.keys.vault import Vault
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.rules import Rules
from tallystick.web.api.asgi import LazyApplication, Message, Scope
from tallystick.web.api.calls import refusal_of
from tallystick.web.api.front import Front
from tallystick.web.api.query_api import QueryApi
from tallystick.web.api.refusing import RefusalWriter

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Caller:
    """Signs calls and gives them to the application directly."""

    service: Service
    key: AccessKey

    async def call(self, params: dict[str, str], at: datetime = NOW) -> Answer:
        whole = {
            "Action": "GetAccountBalance",
            "AWSAccessKeyId": self.key.access_key_id,
            "SignatureMethod": "HmacSHA256",
            "SignatureVersion": "2",
            "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Version": "2010-08-28",
            **params,
        }
        whole["Signature"] = signature("GET", "pay.example", "/", whole, self.key.secret)
        # the application's own exceptions must not reach the server: raise_app_exceptions shows if one does
        transport = httpx.ASGITransport(QueryApi(self.service), raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, **CHECKED) as client:
            response = await client.get(f"http://pay.example/?{canonical(whole)}")
        return Answer(response.status_code, response.text)


@pytest.fixture
async def caller(pool: Pool, tmp_path: Path) -> AsyncIterator[Caller]:
    settings = Settings(data_directory=tmp_path, master_key=MASTER_KEY)
    async with pool.acquire() as connection:
        email = f"{tmp_path.name}-{id(tmp_path)}@shop.example"
        party = await parties.create_business(connection, email, "Music Shop", NOW)
    key = await access_keys.create(pool, VAULT, party.party_id, "sandbox", NOW)
    committer = Committer(pool, Rules(read_fee_schedules(None), simulate_faults=False), lambda: NOW)
    yield Caller(Service(settings, pool, committer, VAULT, lambda: NOW), key)
    await committer.close()


async def test_a_fault_of_ours_is_told_without_its_reason(caller: Caller) -> None:
    def broken() -> datetime:
        raise RuntimeError("the clock fell off the wall")

    failing = replace(caller, service=replace(caller.service, clock=broken))
    with capture_logs() as logs:
        answer = await failing.call({})

    assert (answer.status, answer.code) == (500, "InternalError")
    assert "clock" not in answer.text
    (line,) = logs
    assert line["event"] == "call_failed"
    assert line["request_id"] == answer.root.findtext("RequestID")
    assert "the clock fell off the wall" in line["traceback"]


async def test_another_master_key_opens_nothing_and_is_our_fault(caller: Caller) -> None:
    strange = replace(caller, service=replace(caller.service, vault=Vault(bytes(32))))
    with capture_logs() as logs:
        answer = await strange.call({})

    assert (answer.status, answer.code) == (500, "InternalError")
    assert caller.key.secret not in str(logs)


async def test_without_a_database_the_service_is_unavailable(caller: Caller, database_url: str) -> None:
    from tallystick.db.database import open_pool  # noqa: PLC0415 - only here

    closed = await open_pool(database_url, max_size=1)
    await closed.close()
    with capture_logs() as logs:
        answer = await replace(caller, service=replace(caller.service, pool=closed)).call({})

    assert (answer.status, answer.code) == (503, "ServiceUnavailable")
    assert [line["event"] for line in logs] == ["database_unavailable"]


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(),
        asyncpg.CannotConnectNowError("the database system is in recovery mode"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    ],
    ids=repr,
)
def test_what_a_killed_database_leaves_is_no_fault_of_ours(error: Exception) -> None:
    """The last one is the driver's error for a connection that lost its server during a call and is used again."""
    with capture_logs() as logs:
        assert refusal_of(error, "an id").refusal is Refusal.ServiceUnavailable
    assert [line["event"] for line in logs] == ["database_unavailable"]


async def test_unknown_parameters_can_be_tolerated(caller: Caller) -> None:
    tolerant = replace(caller.service.settings, tolerate_unknown_parameters=True)

    assert (await caller.call({"Unknown": "x"})).code == "InvalidRequest"
    assert (
        await replace(caller, service=replace(caller.service, settings=tolerant)).call({"Unknown": "x"})
    ).code is None


async def test_the_skew_is_a_setting(caller: Caller) -> None:
    strict = replace(caller.service, settings=replace(caller.service.settings, timestamp_skew_seconds=5))

    assert (await replace(caller, service=strict).call({}, at=NOW - timedelta(seconds=5))).code is None
    assert (await replace(caller, service=strict).call({}, at=NOW - timedelta(seconds=6))).code == "RequestExpired"


async def test_the_public_address_is_a_host_of_ours(caller: Caller) -> None:
    behind = replace(caller.service.settings, public_url="https://pay.example")
    proxied = QueryApi(replace(caller.service, settings=behind))
    params = {
        "Action": "GetAccountBalance",
        "AWSAccessKeyId": caller.key.access_key_id,
        "SignatureMethod": "HmacSHA256",
        "SignatureVersion": "2",
        "Timestamp": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Version": "2010-08-28",
    }
    params["Signature"] = signature("GET", "pay.example", "/", params, caller.key.secret)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(proxied), **CHECKED) as client:
        response = await client.get(f"http://10.0.0.7:8400/?{canonical(params)}")

    assert response.status_code == 200


async def test_a_client_that_hangs_up_is_not_answered(caller: Caller) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    await QueryApi(caller.service)(scope, receive, send)

    assert sent == []


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("GET", "/", [], "api"),
        ("GET", "", [], "api"),
        ("POST", "/", [(b"content-type", b"application/x-www-form-urlencoded")], "api"),
        ("POST", "/", [], "api"),
        ("POST", "/", [(b"host", b"pay.example"), (b"content-type", b"text/xml; charset=utf-8")], "soap"),
        ("POST", "/", [(b"content-type", b"Application/SOAP+XML")], "soap"),
        ("POST", "", [(b"soapaction", b'""')], "soap"),
        ("GET", "/", [(b"soapaction", b'""')], "api"),
        ("GET", "/", [(b"accept", b"text/html,application/xhtml+xml;q=0.9")], "pages"),
        ("HEAD", "/", [(b"accept", b"Text/HTML")], "pages"),
        ("GET", "/?lang=de", [(b"accept", b"text/html")], "pages"),
        ("GET", "/?Action=Pay", [(b"accept", b"text/html, image/gif, *; q=.2")], "api"),  # as old Java sends it
        ("GET", "/?language=de", [(b"accept", b"text/html")], "api"),
        ("GET", "/", [(b"accept", b"*/*")], "api"),
        ("PUT", "/", [(b"accept", b"text/html")], "api"),
        ("POST", "/", [(b"accept", b"text/html")], "api"),
        ("POST", "/", [(b"accept", b"text/html"), (b"soapaction", b'""')], "soap"),
        ("GET", "/certs/x", [], "pages"),
        ("GET", "/healthz", [(b"accept", b"text/html")], "probes"),
        ("HEAD", "/readyz", [], "probes"),
        ("GET", "/metrics/", [], "probes"),
        ("POST", "/metrics?a=b", [], "probes"),
        ("GET", "/%6detrics", [], "pages"),  # which a proxy does not take for what it keeps people from
        ("GET", "/healthz/x", [], "pages"),
        ("POST", "//", [(b"soapaction", b"Pay")], "pages"),
    ],
)
async def test_the_front_sends_the_root_to_the_apis_and_all_else_to_the_pages(
    method: str, path: str, headers: list[tuple[bytes, bytes]], expected: str
) -> None:
    reached: list[str] = []

    async def api(*_: object) -> None:
        reached.append("api")

    async def soap(*_: object) -> None:
        reached.append("soap")

    async def pages(*_: object) -> None:
        reached.append("pages")

    async def probes(*_: object) -> None:
        reached.append("probes")

    async def nothing(*_: object) -> Message:
        return {}

    refusing = RefusalWriter(Meter())
    front = Front(
        query_api=api,
        soap=LazyApplication(lambda: soap),
        batch_api=soap,
        json_api=soap,
        probes=probes,
        pages=pages,
        refusing=refusing,
    )
    path, _, query = path.partition("?")
    scope = {"type": "http", "method": method, "query_string": query.encode(), "headers": headers}
    scope |= {"path": unquote(path), "raw_path": path.encode()}
    await front(scope, nothing, lambda _: nothing())  # type: ignore[arg-type, return-value]

    assert reached == [expected]


async def test_a_server_that_starts_and_ends_has_its_answers_without_the_pages() -> None:
    said: list[Message] = []
    asked = iter(["lifespan.startup", "lifespan.shutdown"])

    async def never(*_: object) -> None:
        raise AssertionError("nothing of ours begins or ends with the server")

    async def receive() -> Message:
        return {"type": next(asked)}

    async def send(message: Message) -> None:
        said.append(message)

    front = Front(never, never, never, never, never, never, RefusalWriter(Meter()))
    await front({"type": "lifespan"}, receive, send)

    assert said == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]


def test_a_process_does_not_carry_what_most_never_use() -> None:
    """The XML libraries of SOAP; tables that come with the list of passwords."""
    program = (
        "import sys, tallystick.wiring, tallystick.web.api.query_api, tallystick.web.app as app;"
        "app.common_passwords.load();"
        "heavy = {'lxml', 'signxml', 'tallystick.web.api.soap.api', 'zxcvbn'};"
        "sys.exit(' '.join(heavy & sys.modules.keys()) or None)"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)  # noqa: S603 - our own words
    assert (ended.returncode, ended.stderr) == (0, "")
