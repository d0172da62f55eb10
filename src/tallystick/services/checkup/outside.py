"""What is looked at as others meet it: the service's address, the proxy before it, certificates, the mail server."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import aiosmtplib
import httpx

from tallystick.domain.texts import counted
from tallystick.notify.mail import greet, relay_of
from tallystick.services.checkup.items import CheckItem, checked, for_people
from tallystick.services.operations.configuration import exposure_warnings
from tallystick.settings import Settings

SOON: Final = timedelta(days=14)
"""A certificate that ends sooner was not renewed when it could have been."""

_ANSWER_SECONDS: Final = 20.0
_HTTPS: Final = 443
_WRONG_HOST: Final = 421
_PAGE: Final = "/account/sign-in"
"""A page that anybody may see, and that is answered under the right name of the host only."""


async def outside_items(settings: Settings, now: datetime) -> AsyncIterator[CheckItem]:
    """All of them."""
    for url in dict.fromkeys(filter(None, (settings.public_url, settings.staff_url))):
        if url.startswith("https://"):
            yield await _certificate(url, now)
    yield await _proxy(settings)
    yield await _mail(settings)


async def _certificate(url: str, now: datetime) -> CheckItem:
    parts = urlsplit(url)
    try:
        ends = await certificate_ends(parts.hostname or "", parts.port or _HTTPS)
    except (OSError, ValueError) as error:  # ssl.SSLError is one; a port may be no number of one
        return checked("certificate", f"{url} shows none that others trust: {_reason(error)}", "")
    left = f"the certificate of {url} ends on {ends:%Y-%m-%d}"
    problem = f"{left}: renew it, and see why that did not happen by itself" if ends - now < SOON else None
    return checked("certificate", problem, left)


async def certificate_ends(host: str, port: int) -> datetime:
    """When the certificate ends that a server shows, if others trust it. Raises OSError, TimeoutError."""
    async with asyncio.timeout(_ANSWER_SECONDS):
        _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context(), server_hostname=host)
    try:
        shown = writer.get_extra_info("peercert")
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)
    finally:
        writer.close()


async def _proxy(settings: Settings) -> CheckItem:
    """Whether pages are answered at the address that people are told, and clients are told apart."""
    url = settings.public_url
    exposed = [warning for warning in exposure_warnings(settings) if "SMTP" not in warning]
    if exposed:
        return checked("proxy", " ".join(exposed), "")
    try:
        async with httpx.AsyncClient(timeout=_ANSWER_SECONDS) as client:
            answer = await client.get(f"{url}{_PAGE}")
    except httpx.HTTPError as error:
        told = f"{url} cannot be reached from here: {_reason(error)}"
        return checked("proxy", told, "") if settings.secure_cookies else for_people("proxy", f"{told}; does it run?")
    problem = None
    if answer.status_code == _WRONG_HOST:
        problem = f"{url} is refused by the service (421): let the proxy pass the header Host on unchanged"
    elif not answer.is_success:
        problem = f"{url}{_PAGE} answers {answer.status_code}"
    proxies = settings.reverse_proxies
    behind = f"{counted(proxies, 'proxy is', 'proxies are')} believed to name the client" if proxies else "directly"
    return checked("proxy", problem, f"{url} answers, {behind}")


async def _mail(settings: Settings) -> CheckItem:
    if settings.smtp_url is None:
        return for_people("mail", "smtp_url is not set: letters stay on /admin/mail, which is for development")
    relay = relay_of(settings.smtp_url)
    problem = None
    try:
        await greet(relay)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        problem = f"{relay.host}:{relay.port} takes no letters from us: {_reason(error)}"
    good = f"{relay.host}:{relay.port} lets us in, letters are from {settings.mail_from}; send yourself one"
    return checked("mail", problem, good)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
