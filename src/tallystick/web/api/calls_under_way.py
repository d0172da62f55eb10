"""Requests under way: until when each must be whole and answered, and whether there are more than can be answered soon.

Nothing waits for a request here, and no timer is set for one: all are looked at together, a few times a second. A
request whose time is up is answered by us, and whoever was working on it is told to stop. It may be waiting for a
database that says nothing, and cannot be told; what it says afterwards is dropped.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from msgspec import Struct

from tallystick.db.database import CALL_SECONDS
from tallystick.domain.refusals import Refusal, Refused
from tallystick.web.api.asgi import CLOSE, HttpAnswer, header, respond
from tallystick.web.api.calls import MAY_HAVE_HAPPENED

if TYPE_CHECKING:
    from tallystick.web.api.asgi import Application, Message, Receive, Scope, Send

BODY_SECONDS: Final = 20.0
"""From the headers of a request to the end of its body."""

MOST_SECONDS_OF_WAITING: Final = 5.0
"""Where whoever comes now would have to wait for longer, nobody else is let in."""

LONG_SECONDS: Final = 1.0
"""Half of those who wait must have done so for that long already: a sudden crowd may soon be served."""

FEW_UNDER_WAY: Final = 100
"""So many requests are never too many: one of them may be slow, and says nothing about the others."""

RETRY_SECONDS: Final = 30
"""The longest that somebody is told to stay away."""

DRAINED_BYTES: Final = 32 << 20
DRAINED_SECONDS: Final = 5.0
"""How much of a body that nobody wanted, and for how long, is read and thrown away before the answer. A server that
hangs up on somebody who is still sending takes the answer away from them: their system drops what it has not read yet.
"""

LOOK_SECONDS: Final = 0.25

_log: Final = structlog.get_logger(__name__)

Refuse = Callable[[Refused], HttpAnswer]
"""Puts a refusal into the form that the clients of an application expect."""

_BODILESS: Final = frozenset({"GET", "HEAD"})

UNKNOWN: Final = f"The service has no answer within {CALL_SECONDS:.0f} seconds. {MAY_HAVE_HAPPENED}"
GIVEN_UP: Final = f"The service lost what was to answer. {MAY_HAVE_HAPPENED}"
LATE: Final = "The body of the request did not come in time. Nothing was done."
BUSY: Final = "The service has more to do than it can answer soon. Nothing was done. Try again later."


class UnderWay(Protocol):
    """A request that has no answer yet, whoever speaks with its client."""

    began: float
    """The moment, by time.monotonic, from which its time counts."""
    reading: bool
    answered: bool
    expired: bool

    async def expire(self) -> None:
        """Answer that its time is up."""

    def stop(self) -> None:
        """Tell whoever is working on it to stop."""


class CallUnderWay(Struct, eq=False):
    """One request: the application speaks with its client through this."""

    from_client: Receive
    to_client: Send
    refuse: Refuse
    task: asyncio.Task[None] | None
    began: float
    reading: bool
    """Whether the rest of its body is still to come."""
    waits_with_body: bool = False
    """Whether its client sends the body when it is told to, and not before."""
    answered: bool = False
    """Whether its answer has begun."""
    expired: bool = False

    async def receive(self) -> Message:
        """What comes next from the client."""
        message = await self.from_client()
        if self.reading and not message.get("more_body", False):
            self.reading, self.began = False, monotonic()
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Tell the client, unless it has been told something else: what is to be awaited, mostly the server's own."""
        if self.expired:
            return _nothing()
        if not self.answered:
            self.answered = True
            if self.reading and not self.waits_with_body:
                return self._drain_and_send(message)
        return self.to_client(message)

    async def _drain_and_send(self, message: Message) -> None:
        """Let somebody who sends more than was read of it finish, within limits, so that they can hear the answer."""
        await self._drain()
        await self.to_client(message)

    async def _drain(self) -> None:
        left, more = DRAINED_BYTES, True
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAINED_SECONDS):
                while more and left > 0:
                    message = await self.from_client()
                    left -= len(message.get("body", b""))
                    more = message.get("more_body", False)

    def stop(self) -> None:
        """Tell the application to stop."""
        if self.task is not None:
            self.task.cancel()

    async def expire(self, why: str = UNKNOWN) -> None:
        """Answer instead of the application, in its form."""
        answer = with_retry_after(self.refuse(Refused(Refusal.ServiceUnavailable, LATE if self.reading else why)), 5)
        if self.reading:
            answer = HttpAnswer(HTTPStatus.REQUEST_TIMEOUT, answer.headers, answer.body)
        with suppress(Exception):  # the client may have gone, and the server has many ways to say so
            await respond(self.to_client, answer.status, answer.headers, answer.body)


async def _nothing() -> None:
    """What becomes of an answer that comes too late."""


def with_retry_after(answer: HttpAnswer, seconds: int) -> HttpAnswer:
    """The same answer, which tells when to come again, and that nothing else is read from this connection."""
    others = tuple(header for header in answer.headers if header != CLOSE and header[0] != b"retry-after")
    return HttpAnswer(answer.status, (*others, CLOSE, (b"retry-after", b"%d" % seconds)), answer.body)


@dataclass(slots=True)
class CallsUnderWay:
    """All requests of a process that have no answer yet."""

    body_seconds: float = BODY_SECONDS
    call_seconds: float = CALL_SECONDS
    """From a whole request to the beginning of its answer."""
    wait_seconds: float = 0.0
    """How long somebody who comes now would wait, as it was when it was last looked at."""
    crowded: bool = False
    """Whether that is too long for anybody else to be let in."""
    _calls: set[UnderWay] = field(default_factory=set)
    _finished: int = 0
    _rate: float = 0.0
    """Answers per second."""
    _looked: float = 0.0
    _looking: bool = False
    _loop: asyncio.AbstractEventLoop | None = None
    _answering: set[asyncio.Task[None]] = field(default_factory=set)

    def retry_seconds(self) -> int:
        """In how many seconds somebody who is refused may try again."""
        return min(RETRY_SECONDS, ceil(self.wait_seconds))

    def begin(self, call: UnderWay) -> None:
        """Have this one expire in time, too; `end` is called when it has its answer, or nobody works on it any more."""
        self._calls.add(call)
        if not self._looking:
            self._begin_to_look()

    def end(self, call: UnderWay) -> None:
        """It has its answer."""
        self._finished += 1
        self._calls.discard(call)

    def hand_over(self, call: UnderWay) -> None:
        """Somebody else, who is about to call `carry_out`, has it answered."""
        self._calls.discard(call)

    async def carry_out(
        self,
        application: Application,
        refuse: Refuse,
        scope: Scope,
        receive: Receive,
        send: Send,
        began: float | None = None,
    ) -> None:
        """Have `application` answer a request in time, in the task that began it. `began`: earlier than now."""
        # The loop is given: without it Python 3.11 asks the system for the process's number, each time.
        task = asyncio.current_task(self._loop)
        began, reading = (monotonic(), scope["method"] not in _BODILESS) if began is None else (began, False)
        call = CallUnderWay(receive, send, refuse, task, began, reading)
        if call.reading:
            call.waits_with_body = bool(header(scope, b"expect"))
        self._calls.add(call)
        if not self._looking:
            self._begin_to_look()
            call.task = asyncio.current_task(self._loop)
        try:
            await application(scope, call.receive, call.send)
        except asyncio.CancelledError:
            if not call.expired:
                if call.task is None or call.task.cancelling():
                    raise
                # Nobody wants us to end: something that the application waited for was given up, such as a connection.
                _log.error("call_given_up", traceback=traceback.format_exc())
                call.expired = True
                if not call.answered:
                    await call.expire(GIVEN_UP)
        finally:
            self._finished += 1
            self._calls.discard(call)

    def _begin_to_look(self) -> None:
        """Look from now on, in the loop that runs."""
        self._loop = asyncio.get_running_loop()
        self._looking, self._looked, self._finished = True, monotonic(), 0
        self._loop.call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """Expire what is due, and measure. It goes on as long as there is something under way."""
        now, waiting, long = monotonic(), 0, 0
        for call in list(self._calls):
            if call.answered:
                continue
            waiting += not call.reading
            long += not call.reading and now - call.began > LONG_SECONDS
            if now - call.began > (self.body_seconds if call.reading else self.call_seconds):
                self._expire(call)
        self._measure(waiting, now)
        self.crowded = self.wait_seconds > MOST_SECONDS_OF_WAITING and 2 * long >= waiting
        self._looking = bool(self._calls)
        if self._looking:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)
        else:
            self.wait_seconds, self.crowded = 0.0, False

    def _measure(self, waiting: int, now: float) -> None:
        """How long `waiting` requests will take, at the rate of the last second or so."""
        seconds = max(now - self._looked, LOOK_SECONDS)
        self._rate += (self._finished / seconds - self._rate) / 2
        self._looked, self._finished = now, 0
        self.wait_seconds = waiting / max(self._rate, 0.1) if waiting >= FEW_UNDER_WAY else 0.0

    def _expire(self, call: UnderWay) -> None:
        call.expired = True
        self._calls.discard(call)
        task = asyncio.create_task(call.expire())
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
        call.stop()
