"""Letters: written down, sent over SMTP, tried again, given up; nothing of a sent one is kept but that it was sent."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from tests.support.clock import TestClock
from tests.support.master_key import VAULT

from tallystick.db.connections import Pool
from tallystick.notify.mail import LEASE, LIFETIME, MailSender, Relay, relay_of
from tallystick.settings import Settings
from tallystick.store.records import mail

HELD = "SELECT count(*) FROM mail WHERE sealed IS NOT NULL"


@dataclass
class MailServer:
    """Takes letters as a server on this machine would, or answers a recipient as it is told to."""

    port: int = 0
    answer: str = "250 fine"
    taken: list[tuple[list[str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said: list[str] = []

        async def tell(line: str) -> None:
            writer.write(f"{line}\r\n".encode())
            await writer.drain()

        await tell("220 mail.example ready")
        while line := (await reader.readline()).decode().strip():
            verb = line.split(":")[0].split()[0].upper()
            if verb == "DATA":
                await tell("354 go on")
                letter = await reader.readuntil(b"\r\n.\r\n")
                self.taken.append((said, letter))
                said = []
                await tell("250 taken")
            elif verb == "QUIT":
                await tell("221 bye")
                break
            else:
                said.append(line)
                await tell(self.answer if verb == "RCPT" else "250 fine")
        writer.close()


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    server = MailServer()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server


def mail_sender(pool: Pool, clock: TestClock, port: int) -> MailSender:
    settings = Settings(smtp_url=f"smtp://127.0.0.1:{port}", mail_from="Example Pay <pay@example.com>")
    return MailSender(pool, VAULT, settings, clock)


@pytest.fixture(autouse=True)
async def _no_older_letters(notify_pool: Pool) -> None:
    await notify_pool.execute("DELETE FROM mail")


async def test_a_letter_is_sent_once_and_then_forgotten(notify_pool: Pool, clock: TestClock) -> None:
    await mail.write(
        notify_pool, VAULT, "ann@buyer.example", "Your link", "Open it:\nhttps://pay.example/x?y=z", clock()
    )
    (waiting,) = await mail.latest(notify_pool, VAULT, 9)
    assert (waiting.state, waiting.body) == ("waiting", "Open it:\nhttps://pay.example/x?y=z")

    async with mail_server() as server:
        several = [mail_sender(notify_pool, clock, server.port).dispatch() for _ in range(4)]
        assert sum(await asyncio.gather(*several)) == 1

    ((said, raw),) = server.taken
    assert "MAIL FROM:<pay@example.com>" in said[1]
    assert said[2].startswith("RCPT TO:<ann@buyer.example>")
    letter = message_from_bytes(raw, policy=policy.default)
    assert (letter["from"], letter["to"]) == ("Example Pay <pay@example.com>", "ann@buyer.example")
    assert (letter["subject"], letter["auto-submitted"]) == ("Your link", "auto-generated")
    assert "https://pay.example/x?y=z" in letter.get_content()
    (sent,) = await mail.latest(notify_pool, VAULT, 9)
    assert (sent.state, sent.body, sent.sent_at, sent.attempts) == ("sent", None, clock(), 1)


async def test_a_server_that_is_not_there_is_tried_again_for_a_day(notify_pool: Pool, clock: TestClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    await mail.write(notify_pool, VAULT, "ann@buyer.example", "Your link", "…", clock())
    begun, tries = clock(), []
    while (letter := (await mail.latest(notify_pool, VAULT, 1))[0]).due_at is not None:
        clock.moment = letter.due_at
        tries.append(clock() - begun)
        assert await mail_sender(notify_pool, clock, port).dispatch() == 1
        assert await mail_sender(notify_pool, clock, port).dispatch() == 0

    assert tries[:5] == [timedelta(seconds=sum((10, 60, 300, 900, 3600)[:count])) for count in range(5)]
    assert LIFETIME - timedelta(hours=1) <= tries[-1] < LIFETIME
    assert letter.state == "given up"
    assert "Connect" in (letter.last_error or "")


async def test_an_address_that_the_server_knows_to_be_wrong_is_given_up(notify_pool: Pool, clock: TestClock) -> None:
    await mail.write(notify_pool, VAULT, "nobody@buyer.example", "Your link", "…", clock())
    async with mail_server() as server:
        server.answer = "450 later, please"
        await mail_sender(notify_pool, clock, server.port).dispatch()
        assert (await mail.latest(notify_pool, VAULT, 1))[0].state == "trying again"

        clock.moment += timedelta(minutes=1)
        server.answer = "550 no such mailbox"
        await mail_sender(notify_pool, clock, server.port).dispatch()

    (letter,) = await mail.latest(notify_pool, VAULT, 1)
    assert letter.state == "given up"
    assert "no such mailbox" in (letter.last_error or "")


async def test_without_a_server_letters_stay_where_operators_can_read_them(notify_pool: Pool, clock: TestClock) -> None:
    await mail.write(notify_pool, VAULT, "ann@buyer.example", "Your link", "read me", clock())

    assert await MailSender(notify_pool, VAULT, Settings(), clock).dispatch() == 0
    assert (await mail.latest(notify_pool, VAULT, 1))[0].body == "read me"

    clock.moment += LIFETIME  # a server that is named much later gets no stale links
    async with mail_server() as server:
        assert await mail_sender(notify_pool, clock, server.port).dispatch() == 0
    clock.moment += mail.KEPT
    await mail.sweep(notify_pool, clock())
    assert await notify_pool.fetchval(HELD) == 0


async def test_a_worker_that_dies_leaves_a_letter_for_the_next(notify_pool: Pool, clock: TestClock) -> None:
    await mail.write(notify_pool, VAULT, "ann@buyer.example", "Your link", "…", clock())
    assert await mail.claim(notify_pool, VAULT, clock(), clock() + LEASE, written_after=clock() - LIFETIME, maximum=9)

    async with mail_server() as server:
        assert await mail_sender(notify_pool, clock, server.port).dispatch() == 0
        clock.moment += LEASE
        assert await mail_sender(notify_pool, clock, server.port).dispatch() == 1


def test_where_letters_go() -> None:
    assert relay_of("smtp://me:s%40cret@mail.example") == Relay("mail.example", 587, "me", "s@cret", False, True)
    assert relay_of("smtps://mail.example:8465") == Relay("mail.example", 8465, None, None, True, False)
    assert relay_of("smtp://localhost") == Relay("localhost", 25, None, None, False, False)
    assert relay_of("smtp://[::1]:2525") == Relay("::1", 2525, None, None, False, False)
