"""Whether a service is fit to take real money: each item of docs/going-live.md that can be looked at.

What nobody but people can know is an item, too, so that the list is whole: it is told, and counts as neither.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx

from tallystick.domain.money import display_amount
from tallystick.domain.texts import counted
from tallystick.services.checkup.inside import KnowsWhatIsMissing, missing_at, newest_backup, takes_real_money
from tallystick.services.checkup.items import CheckItem, ItemStanding, checked
from tallystick.services.context import Service
from tallystick.settings import Settings
from tallystick.store.accounts import staff
from tallystick.store.records import verification_runs

LIVE: Final = "live"

_ANSWER_SECONDS: Final = 20.0
_FIRST_TRIES: Final = timedelta(days=1)
"""How old the proof of the books may be."""

_WEAKER: Final = (
    "allow_unsigned_cobranded",
    "allow_weak_soap_signatures",
    "allow_signature_v1",
    "allow_signature_v0",
    "allow_private_notification_targets",
)
"""Settings that let in what is too weak, or reach where nothing should, once real money is behind it."""


async def live_check(service: Service, backups: Path | None) -> list[CheckItem]:
    """All items, in the order of the list. `backups`: the directory of `tallystick backup`."""
    settings = service.settings
    items = [*_keys(settings), *[item async for item in _providers(service)]]
    items += [await _https(settings), *_mail(settings), await _backup(service, backups), await _proof(service)]
    return [*items, await _operators(service), *_strictness(settings), *_for_people(settings)]


def _keys(settings: Settings) -> list[CheckItem]:
    key = settings.stripe_secret_key
    is_live = key is not None and "_live_" in key
    chosen = takes_real_money(settings)
    no_key = None if is_live else "TALLYSTICK_STRIPE_SECRET_KEY is no live key (sk_live_… or rk_live_…)"
    no_rail = None if chosen else "TALLYSTICK_LIVE_CARD_RAIL is none: no card can be set up in live books"
    no_secret = None if settings.stripe_webhook_secret else "TALLYSTICK_STRIPE_WEBHOOK_SECRET: every event is refused"
    return [
        checked("keys", no_key, "a live key of Stripe's is set"),
        checked("rail", no_rail, f"new cards of live books are set up at {settings.live_card_rail}"),
        checked("webhook", no_secret, "events are checked by their signature"),
    ]


async def _providers(service: Service) -> AsyncIterator[CheckItem]:
    """What providers of live books say of themselves."""
    for rail in service.rails:
        if LIVE in rail.environments and isinstance(rail, KnowsWhatIsMissing):
            for problem in tuple(await missing_at(service, rail, rail)) or (None,):
                yield checked(f"account at {rail.name}", problem, "it may charge and pay out, and sends all events")


async def _https(settings: Settings) -> CheckItem:
    """As a buyer's browser would: by the name that others use, with the certificate that it gets."""
    url, problem = settings.public_url, None
    if not url.startswith("https://"):
        problem = f"TALLYSTICK_PUBLIC_URL is {url}: whoever is on the way reads passwords"
    else:
        try:
            async with httpx.AsyncClient(timeout=_ANSWER_SECONDS) as client:
                answer = await client.get(f"{url}/readyz")
            problem = None if answer.is_success else f"{url}/readyz answers {answer.status_code}"
        except httpx.HTTPError as error:
            problem = f"{url} cannot be reached: {type(error).__name__}: {error}"
    return checked("TLS", problem, f"{url} is ready, with a certificate that others trust")


def _mail(settings: Settings) -> list[CheckItem]:
    problem = None if settings.smtp_url else "TALLYSTICK_SMTP_URL is not set: no letter leaves"
    return [checked("e-mail", problem, f"letters leave, from {settings.mail_from}; send yourself one")]


async def _backup(service: Service, directory: Path | None) -> CheckItem:
    if directory is None:
        return CheckItem("backup", ItemStanding.MISSING, "say where the backups are: --backups /backup/tallystick")
    problem, newest = await newest_backup(directory, service.clock())
    return checked("backup", problem, f"the newest base backup is of {newest}; restore one now and then")


async def _proof(service: Service) -> CheckItem:
    run = await verification_runs.latest_result(service.pool)
    problem = None
    if run is None or run.finished_at is None or service.clock() - run.finished_at > _FIRST_TRIES:
        problem = "the books were not proven as a whole today: /admin/verification, or TALLYSTICK_VERIFY_EVERY_HOURS"
    elif run.problems:
        problem = f"the latest proof of the books has {counted(run.problems, 'problem')}"
    return checked("proof", problem, "the books balance")


async def _operators(service: Service) -> CheckItem:
    problem = None
    if service.settings.require_second_factor == "nobody":
        problem = "TALLYSTICK_REQUIRE_SECOND_FACTOR is nobody: a password alone opens the operator's pages"
    elif not await staff.operators(service.pool):
        problem = "there is no operator: tallystick operators add"
    return checked("operators", problem, "operators sign in with a second factor")


def _strictness(settings: Settings) -> list[CheckItem]:
    on = [f"TALLYSTICK_{name.upper()}" for name in _WEAKER if getattr(settings, name)]
    problem = f"{', '.join(on)}: off, unless old clients need it" if on else None
    return [checked("old signatures", problem, "only what is strong enough is let in")]


def _for_people(settings: Settings) -> list[CheckItem]:
    spend, receive = settings.unverified_spending_limit, settings.unverified_receiving_limit
    limits = (
        f"without a verified account a buyer pays {_amount(spend)} at once, and a seller is held {_amount(receive)};"
        f" real money needs verified accounts: {'yes' if settings.require_verified_accounts else 'no'}"
    )
    texts = {
        "limits": limits,
        "merchant of record": "who sells, in whose name the statement is, who answers disputes and owes tax",
        "PCI scope": "card numbers are typed at the provider alone: SAQ A, as long as no page of yours asks for one",
        "expiry and refunds": "what consent pages tell of them is what your law and your terms say",
        "first payment": "one of your own, refunded: docs/going-live.md has the steps",
    }
    return [CheckItem(name, ItemStanding.FOR_PEOPLE, text) for name, text in texts.items()]


def _amount(micros: int | None) -> str:
    return "any amount" if micros is None else f"up to ${display_amount(micros)}"
