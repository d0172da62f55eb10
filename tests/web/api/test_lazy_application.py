"""An application that is loaded for its first request."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tallystick.web.api.asgi import Application, LazyApplication, Message, Receive, Scope, Send, respond


async def _answers(_scope: Scope, _receive: Receive, send: Send) -> None:
    await respond(send, 200, (), b"here")


class Loading:
    """What is loaded in a thread, as soon as it may be; `fails`: so often first."""

    def __init__(self, fails: int = 0) -> None:
        self.began, self.may = threading.Event(), threading.Event()
        self.times, self.fails = 0, fails

    def __call__(self) -> Application:
        self.times += 1
        self.began.set()
        assert self.may.wait(60)
        if self.times <= self.fails:
            raise OSError("a file is missing")
        return _answers


async def _ask(application: LazyApplication) -> bytes:
    said: list[Message] = []

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        said.append(message)

    await application({"type": "http"}, receive, send)
    return bytes(said[-1]["body"])


async def test_it_is_loaded_once_for_all_who_ask_meanwhile() -> None:
    loading = Loading()
    application = LazyApplication(loading)
    asking = [asyncio.create_task(_ask(application)) for _ in range(3)]
    assert await asyncio.to_thread(loading.began.wait, 60)
    await asyncio.sleep(0.05)
    assert not any(one.done() for one in asking)

    loading.may.set()

    assert await asyncio.gather(*asking) == [b"here"] * 3
    assert await _ask(application) == b"here"
    assert loading.times == 1


async def test_who_gives_up_takes_it_from_nobody() -> None:
    loading = Loading()
    application = LazyApplication(loading)
    first, second = asyncio.create_task(_ask(application)), asyncio.create_task(_ask(application))
    assert await asyncio.to_thread(loading.began.wait, 60)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first

    loading.may.set()

    assert await second == b"here"
    assert loading.times == 1


async def test_it_is_tried_again_where_loading_failed() -> None:
    loading = Loading(fails=1)
    loading.may.set()
    application = LazyApplication(loading)

    with pytest.raises(OSError, match="a file is missing"):
        await _ask(application)

    assert await _ask(application) == b"here"
    assert loading.times == 2
