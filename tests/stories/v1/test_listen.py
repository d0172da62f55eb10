"""Events are read from /v1 and posted on, signed, as `tallystick listen` does; once as the program itself."""

from __future__ import annotations

import asyncio
import json
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook
from tests.notify.receivers import Received, Receiver
from tests.stories.conftest import free_port
from tests.stories.operations.program import STOP_SECONDS, start
from tests.stories.v1.conftest import Program

from tallystick.cli.commands.delivery.listen import SECRET_VARIABLE, listen
from tallystick.cli.console import ProblemError
from tallystick.cli.event_listener import EventListener
from tallystick.notify.webhook_content import secret_text
from tallystick.services.events.numbering import number_waiting

HERE = "http://laptop.example/events"


class Both(httpx.AsyncBaseTransport):
    """The service itself, and a program on a laptop.

    `instead`: what the next requests to the service come to, 0: nobody is there, None: as it answers.
    """

    def __init__(self, service: httpx.AsyncClient, status: int = 204) -> None:
        self.service, self.status = service, status
        self.got: list[httpx.Request] = []
        self.instead: list[int | None] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "laptop.example":
            await request.aread()
            self.got.append(request)
            return httpx.Response(self.status)
        if self.instead and (status := self.instead.pop(0)) is not None:
            if status == 0:
                raise httpx.ConnectError("nobody is there")
            return httpx.Response(status)
        return await self.service.get(request.url, headers={"authorization": request.headers["authorization"]})


def listener(program: Program, both: Both) -> EventListener:
    return EventListener(httpx.AsyncClient(transport=both), program.shop.url, program.secret, HERE)


async def test_events_from_now_on_are_posted_signed_and_in_their_order(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    shop, both = program.shop, Both(program.shop.client)
    reader = listener(program, both)
    assert await reader.last_number() == 0
    for count in range(1, 6):
        await shop.books.prepaid_buyer("25.00")
        await number_waiting(shop.service)
        assert await reader.last_number() == count
    reader.place = 5
    await reader.step()
    assert (reader.place, both.got) == (5, [])
    for _ in range(2):
        shop.clock.forward(seconds=1)
        await shop.books.prepaid_buyer("25.00")
    await number_waiting(shop.service)
    await reader.step()
    assert reader.place == 7
    assert [json.loads(request.content)["sequence"] for request in both.got] == [6, 7]
    theirs = Webhook(secret_text(reader.secret))
    for request in both.got:
        event = theirs.verify(request.content, dict(request.headers))
        assert event == await program.get(f"/v1/events/{event['id']}")
    assert capsys.readouterr().out.count("authorization.activated") == 2


async def test_what_does_not_arrive_is_told_and_a_wrong_secret_too(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    await program.shop.books.prepaid_buyer("25.00")
    await number_waiting(program.shop.service)
    reader = listener(program, Both(program.shop.client, 503))
    await reader.step()
    assert reader.place == 1
    assert "503" in capsys.readouterr().out
    reader.bearer = "tsk_test_nonsense"
    with pytest.raises(ProblemError, match="401"):
        await reader.step()


async def happens(program: Program, times: int = 1) -> None:
    """Somebody agrees to a balance, so many times; each is an event."""
    for _ in range(times):
        program.shop.clock.forward(seconds=1)
        await program.shop.books.prepaid_buyer("25.00")
    await number_waiting(program.shop.service)


async def test_what_was_dealt_with_is_not_repeated_where_the_service_goes_away_in_between(program: Program) -> None:
    await happens(program, 2)
    both = Both(program.shop.client)
    both.instead = [None, 0]  # the events, then nobody where it asks for more
    reader = listener(program, both)
    with pytest.raises(httpx.ConnectError):
        await reader.step()
    await reader.step()
    assert [json.loads(request.content)["sequence"] for request in both.got] == [1, 2]


async def test_a_service_that_is_away_for_a_while_is_asked_until_it_answers(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    await happens(program)
    both = Both(program.shop.client)
    both.instead = [0, 503, 502, 429]
    reader = listener(program, both)
    reader.pause_seconds = 0
    running, complaints = asyncio.create_task(reader.run(0)), ""
    async with asyncio.timeout(60):
        while "answers again" not in complaints:
            complaints += capsys.readouterr().err
            await asyncio.sleep(0.01)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert complaints.count("does not answer") == 1
    assert len(both.got) == 1


@asynccontextmanager
async def listening(program: Program, port: int, after: int) -> AsyncIterator[tuple[Process, dict[str, Any]]]:
    """The program itself, and what it says at its beginning; it must end cleanly when it is told to."""
    to = ("--service", program.shop.url, "--forward-to", f"http://127.0.0.1:{port}/events")
    settings = {"TALLYSTICK_SECRET": program.secret}
    process = await start("listen", *to, "--after", str(after), "--json", settings=settings)
    try:
        yield process, await line_of(process)
    finally:
        process.send_signal(signal.SIGTERM)
        _, complaint = await asyncio.wait_for(process.communicate(), STOP_SECONDS)
    assert process.returncode == 0, complaint.decode()
    assert b"Traceback" not in complaint, complaint.decode()


async def line_of(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), STOP_SECONDS)
    assert line, await process.communicate()
    found: dict[str, Any] = json.loads(line)
    return found


def verified(request: Received, secret: str) -> Any:  # noqa: ANN401 - JSON
    return Webhook(secret).verify(request.body, request.headers)


async def test_the_program_brings_events_to_a_port_here_also_after_a_restart(program: Program) -> None:
    port, target = free_port(), Receiver(0)
    async with listening(program, port, 0) as (process, begun):
        await happens(program)
        first = await line_of(process)
        assert (first["sequence"], first["forwarded"].partition(":")[0]) == (1, "it did not arrive")
        server = await asyncio.start_server(target.serve, "127.0.0.1", port)
        async with server:
            await happens(program)
            second = await line_of(process)
            assert second["forwarded"] == "200"
            (request,) = target.received
            assert request.target == "/events"
            assert verified(request, begun["secret"]) == await program.get(f"/v1/events/{second['id']}")

    await happens(program, 2)
    target.received.clear()
    server = await asyncio.start_server(target.serve, "127.0.0.1", port)
    async with server, listening(program, port, second["sequence"]) as (process, again):
        assert (again["listening_after"], again["secret"] != begun["secret"]) == (2, True)
        assert [(await line_of(process))["sequence"] for _ in range(2)] == [3, 4]
        assert [verified(one, again["secret"])["sequence"] for one in target.received] == [3, 4]


@pytest.mark.parametrize("url", ["127.0.0.1:3000/events", "ftp://127.0.0.1/", "http:///events", "http://[::1/"])
def test_what_is_no_address_is_refused_before_anything_is_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, "tsk_test_any")
    with pytest.raises(ProblemError, match=r"^--forward-to: "):
        listen(forward_to=url, service="http://127.0.0.1:9")
