"""Letters leave over SMTP, where settings name a server; elsewhere they stay where operators can read them.

Several workers may do this at once: a letter is claimed by a lease. One that dies between sending and writing it down
sends a letter twice, and none is lost.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from tallystick.db.connections import Pool
from tallystick.settings import Settings
from tallystick.store.keys.vault import Vault
from tallystick.store.records import mail
from tallystick.store.records.mail import Mail

PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 900, 3600))
"""Between one failure and the next try; the last one again and again."""

LIFETIME: Final = timedelta(hours=24)
"""No letter is tried for longer: by then nothing in it is of use."""

TIMEOUT_SECONDS: Final = 20
LEASE: Final = timedelta(seconds=120)
MAX_AT_ONCE: Final = 10
_PERMANENT: Final = range(500, 600)  # RFC 5321, 4.2.1: trying again will not help
_MAX_ERROR_CHARACTERS: Final = 300

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Relay:
    """The SMTP server that takes our letters. `tls`: from the first byte; `start_tls`: before anything is said."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool
    start_tls: bool


def relay_of(url: str) -> Relay:
    """Read ``smtp://user:password@host:587`` or ``smtps://…``. A server on this machine is spoken to without TLS."""
    parts = urlsplit(url)
    host, tls = parts.hostname or "localhost", parts.scheme == "smtps"
    start_tls = not tls and not _is_this_machine(host)
    return Relay(
        host=host,
        port=parts.port or (465 if tls else 587 if start_tls else 25),
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        tls=tls,
        start_tls=start_tls,
    )


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class MailSender:
    """Sends what is due, as settings say."""

    pool: Pool
    vault: Vault
    settings: Settings
    clock: Callable[[], datetime]

    async def dispatch(self) -> int:
        """Try every letter that is due; how many were tried."""
        if self.settings.smtp_url is None or self.settings.mail_from is None:
            return 0
        now = self.clock()
        letters = await mail.claim(
            self.pool, self.vault, now, now + LEASE, written_after=now - LIFETIME, maximum=MAX_AT_ONCE
        )
        relay = relay_of(self.settings.smtp_url)
        await asyncio.gather(*(self._try(relay, self.settings.mail_from, letter) for letter in letters))
        return len(letters)

    async def _try(self, relay: Relay, sender: str, letter: Mail) -> None:
        log = _log.bind(mail_id=letter.mail_id, attempt=letter.attempts)
        try:
            await _send(relay, message_of(letter, sender))
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"[:_MAX_ERROR_CHARACTERS]
            again = None if _is_permanent(error) else self._next_try(letter)
            await mail.put_off(self.pool, letter.mail_id, again, reason)
            log.warning("mail_failed", reason=reason, given_up=again is None)
        else:
            await mail.mark_sent(self.pool, letter.mail_id, self.clock())
            log.info("mail_sent")

    def _next_try(self, letter: Mail) -> datetime | None:
        again = self.clock() + PAUSES[min(letter.attempts, len(PAUSES)) - 1]
        return again if again < letter.written_at + LIFETIME else None


async def _send(relay: Relay, message: EmailMessage) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await aiosmtplib.send(
            message,
            hostname=relay.host,
            port=relay.port,
            username=relay.username,
            password=relay.password,
            use_tls=relay.tls,
            start_tls=relay.start_tls,
        )


async def greet(relay: Relay) -> None:
    """Let the server know us and send nothing. Raises aiosmtplib.SMTPException, OSError, TimeoutError."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        client = aiosmtplib.SMTP(
            hostname=relay.host,
            port=relay.port,
            username=relay.username,
            password=relay.password,
            use_tls=relay.tls,
            start_tls=relay.start_tls,
        )
        async with client:
            await client.noop()


def _is_permanent(error: Exception) -> bool:
    """Whether the server will never take this letter. A refused login is no reason: it is a fault of our settings."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(one.code in _PERMANENT for one in error.recipients)
    return isinstance(error, aiosmtplib.SMTPDataError | ValueError) and getattr(error, "code", 500) in _PERMANENT


def message_of(letter: Mail, sender: str) -> EmailMessage:
    """The letter in the form of RFC 5322. Raises ValueError: that form cannot hold it."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = letter.recipient
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.written_at)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].rstrip("> ") or None)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    message.set_content(letter.body or "")
    return message
