"""A walk past the main pages of buyer, seller and operator in a real browser, and a picture of each."""

from __future__ import annotations

import io
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from PIL import Image

from tallystick.cli.console import ProblemError, tell
from tallystick.cli.demo import BUYER, OPERATOR, SELLER, STAFF, Stage
from tallystick.client.fps import amount, cobranded_url
from tallystick.client.hosted_pages import Buyer, authorize
from tallystick.domain.money import MICROS_PER_UNIT
from tallystick.ledger import book_clocks, opening, parties
from tallystick.ledger.access_keys import SANDBOX

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
WIDTHS: Final = {"phone": 390, "desk": 1280}
HEIGHT: Final = 900
LONGEST: Final = 2400  # pixels of a page that a picture shows
COLOURS: Final = 64
DAYS: Final = 12  # of sales, for the charts
FIGURES: Final = ("hosted-page.png", "shop.png")
"""The pictures of the README, which show one size only."""


@dataclass(frozen=True, slots=True)
class Tour:
    """The running demo, a browser, and where pictures go."""

    stage: Stage
    browser: Browser
    directory: Path

    @property
    def service_url(self) -> str:
        """Where the pages are."""
        return self.stage.service.settings.public_url

    async def run(self) -> None:
        """Fill the books, then visit all."""
        await self._sell()
        await self._shop()
        await self._buyer()
        await self._seller()
        await self._operator()

    async def take(self, page: Page, name: str) -> None:
        """Keep what the page shows, on a phone and a desk, light and dark."""
        for look in ("light", "dark"):
            await page.emulate_media(color_scheme=look)
            for size, width in WIDTHS.items():
                await page.set_viewport_size({"width": width, "height": HEIGHT})
                height = await page.evaluate("document.documentElement.scrollHeight")
                clip = {"x": 0, "y": 0, "width": width, "height": min(height, LONGEST)}
                png = await page.screenshot(full_page=True, clip=clip, animations="disabled")  # type: ignore[arg-type]
                _keep(self.directory / f"{name}-{size}-{look}.png", png)
        tell(name)

    @asynccontextmanager
    async def _tab(self, who: Buyer | None = None, at: str = "/account/sign-in") -> AsyncIterator[Page]:
        """A fresh browser, on which somebody may have signed in."""
        context = await self.browser.new_context(
            base_url=self.service_url, viewport={"width": WIDTHS["desk"], "height": HEIGHT}
        )
        page = await context.new_page()
        if who is not None:
            await page.goto(at)
            await _sign_in(page, who)
        yield page
        await context.close()

    async def _sell(self) -> None:
        """Some days of business on the test clock: songs from a balance, records on a tab, what is refused."""
        client, pool = self.stage.till.client, self.stage.service.pool
        seller = await parties.find_by_email(pool, SELLER[0])
        book_id = None if seller is None else await opening.book_of_seller(pool, seller.party_id, SANDBOX)
        if book_id is None:
            raise ProblemError("the demo has no seller")

        async def call(action: str, **parameters: str) -> None:
            await client.call(action, {"CallerReference": f"tour-{secrets.token_hex(6)}", **parameters})

        balance = await self._agree("SetupPrepaid", {"fundingAmount": "60.00"}, ("Sender", "Funding"), "ABT")
        fund = {"SenderTokenId": balance["fundingTokenID"], "PrepaidInstrumentId": balance["prepaidInstrumentID"]}
        await call("FundPrepaid", **fund, **amount("FundingAmount", 20 * MICROS_PER_UNIT))
        tab = await self._agree(
            "SetupPostpaid", {"creditLimit": "100.00", "globalAmountLimit": "1000.00"}, ("Sender", "Settlement"), "ACH"
        )
        for day in range(DAYS):
            for song in range(3 + day % 4):
                await call(
                    "Pay",
                    SenderTokenId=balance["prepaidSenderTokenID"],
                    SenderDescription=f"Song {song + 1}",
                    **amount("TransactionAmount", MICROS_PER_UNIT // 4),
                )
            price = (5 + day % 3) * MICROS_PER_UNIT
            await call("Pay", SenderTokenId=tab["creditSenderTokenID"], **amount("TransactionAmount", price))
            await book_clocks.forward(pool, book_id, timedelta(days=1))

    async def _agree(
        self, pipeline: str, terms: Mapping[str, str], references: tuple[str, str], method: str
    ) -> dict[str, str]:
        """What comes back to the seller when the sample buyer agrees."""
        client = self.stage.till.client
        given = {f"callerReference{name}": f"tour-{secrets.token_hex(6)}" for name in references}
        back = {"pipelineName": pipeline, "returnURL": f"{self.stage.till.shop_url}/walked"}
        url = cobranded_url(client.service_url, client.credentials, {**back, **given, **terms})
        return dict(parse_qsl(urlsplit(await authorize(url, BUYER, method)).query))

    async def _shop(self) -> None:
        """The way from the shop to the hosted pages and back: also the two pictures of the README."""
        async with self._tab() as page:
            await page.set_viewport_size({"width": 1200, "height": 980})
            await page.goto(self.stage.till.shop_url)
            await page.get_by_role("button", name="Pay Now").click()
            await self.take(page, "hosted-sign-in")
            await page.get_by_role("button", name="Sign in", exact=True).click()
            await self.take(page, "hosted-mistakes")
            await _sign_in(page, BUYER)
            await page.get_by_text("Visa ending in").check()
            await self.take(page, "hosted-method")
            await page.get_by_role("button", name="Continue").click()
            await self.take(page, "hosted-confirm")
            await self._figure(page, FIGURES[0])
            await page.get_by_role("button", name="Confirm").click()
            await page.locator("[data-balance='10.00']").wait_for()
            await page.get_by_role("button", name="Buy Paper Lanterns").click()
            await page.get_by_role("button", name="Buy Small Change").click()
            await self._figure(page, FIGURES[1])

    async def _figure(self, page: Page, name: str) -> None:
        await page.emulate_media(color_scheme="light")
        await page.set_viewport_size({"width": 1200, "height": 980})
        _keep(self.directory / name, await page.screenshot())

    async def _buyer(self) -> None:
        async with self._tab(BUYER) as page:
            await self.take(page, "account")
            await page.locator("a[href^='/account/authorizations/']").last.click()
            await self.take(page, "account-authorization")
            await page.get_by_role("link", name="Cancel this authorization").click()
            await self.take(page, "account-cancel")
            for path in ("payment-methods", "security", "data/close"):
                await page.goto(f"/account/{path}")
                await self.take(page, f"account-{path.replace('/', '-')}")
            await page.goto("/nowhere")
            await self.take(page, "error")

    async def _seller(self) -> None:
        async with self._tab(STAFF, "/console") as page:
            await page.wait_for_url("**/sandbox")
            home = page.url
            await self.take(page, "console")
            await page.goto(f"{home}/activity")
            await self.take(page, "console-activity")
            await page.get_by_role("row").get_by_role("link").first.click()
            await self.take(page, "console-transaction")
            for name, path in {
                "instruments": "instruments",
                "debts": "debts",
                "notifications": "notifications",
                "keys": "keys",
                "branding": "branding",
                "staff": "staff",
                "audit": "audit",
                "request": "tools/requests?action=Pay",
                "buttons": "tools/buttons?kind=SetupPrepaid",
                "faults": "tools/faults",
                "clock": "tools/clock",
                "nothing-found": "activity?q=nobody-bought-this",
            }.items():
                await page.goto(f"{home}/{path}")
                await self.take(page, f"console-{name}")
            await page.goto(home.replace("/sandbox", "/live"))
            await self.take(page, "console-live")

    async def _operator(self) -> None:
        async with self._tab(OPERATOR, "/admin") as page:
            await page.goto("/admin/verification")
            await page.get_by_role("button").last.click()
            for path in ("", "accounts", "rails", "notifications", "verification", "audit", "mail", "settings"):
                await page.goto(f"/admin/{path}".rstrip("/"))
                await self.take(page, f"admin-{path}".rstrip("-"))


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Chromium. Raises ProblemError: it or what drives it is not there."""
    try:
        from playwright.async_api import async_playwright  # noqa: PLC0415 - only who develops has it
    except ImportError:
        raise ProblemError("pictures are taken with Playwright: pip install playwright") from None
    async with async_playwright() as playwright:
        known = (*PROGRAMS, playwright.chromium.executable_path)
        program = next(filter(None, map(shutil.which, known)), None)
        if program is None:
            raise ProblemError("no Chromium found: install Debian's `chromium`, or run `playwright install chromium`")
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # its sandbox does not work for root
        started = await playwright.chromium.launch(executable_path=program, args=arguments)
        yield started
        await started.close()


async def _sign_in(page: Page, who: Buyer) -> None:
    await page.get_by_label("E-mail address").fill(who.email)
    await page.get_by_label("Password").fill(who.password)
    await page.get_by_role("button", name="Sign in", exact=True).click()


def _keep(path: Path, png: bytes) -> None:
    """Write the picture with fewer colours: a third of its size, and nobody sees it."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
