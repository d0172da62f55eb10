"""Events are read from /v1 and posted on, signed, as `tallystick listen` does."""

from __future__ import annotations

import json

import httpx
import pytest
from standardwebhooks import Webhook
from tests.stories.v1.conftest import Program

from tallystick.cli.console import ProblemError
from tallystick.cli.event_listener import EventListener
from tallystick.notify.webhook_content import secret_text
from tallystick.services.events.numbering import number_waiting

HERE = "http://laptop.example/events"


class Both(httpx.AsyncBaseTransport):
    """The service itself, and a program on a laptop."""

    def __init__(self, service: httpx.AsyncClient, status: int = 204) -> None:
        self.service, self.status = service, status
        self.got: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "laptop.example":
            await request.aread()
            self.got.append(request)
            return httpx.Response(self.status)
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
    assert await reader.step(5) == 5
    for _ in range(2):
        shop.clock.forward(seconds=1)
        await shop.books.prepaid_buyer("25.00")
    await number_waiting(shop.service)
    assert await reader.step(5) == 7
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
    assert await reader.step(0) == 1
    assert "503" in capsys.readouterr().out
    reader.bearer = "tsk_test_nonsense"
    with pytest.raises(ProblemError, match="401"):
        await reader.step(0)
