"""A walk past the main pages of buyer, seller and operator in a real browser, and a picture of each."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from PIL import Image

from tallystick.cli.commands.demo import BUYER, OPERATOR, STAFF, DemoStage
from tallystick.cli.console import ProblemError, tell
from tallystick.cli.tour.sales import NEWCOMER, Sales
from tallystick.cli.tour.trouble import DISPUTED

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

    from tallystick.client.hosted_pages import Buyer

PROGRAMS: Final = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome-stable", "google-chrome")
WIDTHS: Final = {"phone": 390, "desk": 1280}
HEIGHT: Final = 900
LONGEST: Final = 2400  # pixels of a page that a picture shows
COLOURS: Final = 128
Look = Literal["light", "dark"]
ALL: Final[tuple[tuple[Look, str], ...]] = (("light", "phone"), ("light", "desk"), ("dark", "phone"), ("dark", "desk"))
FEW: Final[tuple[tuple[Look, str], ...]] = (("light", "desk"), ("dark", "phone"))
FIGURES: Final = ("hosted-page.png", "shop.png")
"""The pictures of the README, which show one size only."""


@dataclass(frozen=True, slots=True)
class Tour:
    """The running demo, a browser, where pictures go, and the address where the shop is notified."""

    stage: DemoStage
    browser: Browser
    directory: Path
    receiver: str

    @property
    def service_url(self) -> str:
        """Where the pages are."""
        return self.stage.service.settings.public_url

    async def run(self) -> None:
        """Fill the books, then visit all."""
        sales = Sales(self.stage, self.receiver)
        await sales.run()
        await self._hold_the_next_charge()
        await sales.pending()
        await self._shop()
        await self._buyer()
        await self._seller()
        await self._operator(sales)

    async def take(self, page: Page, name: str, looks: Iterable[tuple[Look, str]] = ALL) -> None:
        """Save screenshots of the page: phone and desk, light and dark, or only some of these."""
        for look, size in looks:
            await page.emulate_media(color_scheme=look)
            await page.set_viewport_size({"width": WIDTHS[size], "height": HEIGHT})
            height = await page.evaluate("document.documentElement.scrollHeight")
            # a frame that would have to be scrolled to may not have been drawn: a window as high as the page
            await page.set_viewport_size({"width": WIDTHS[size], "height": min(height, LONGEST)})
            _keep(self.directory / f"{name}-{size}-{look}.png", await page.screenshot(animations="disabled"))
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

    async def _hold_the_next_charge(self) -> None:
        async with self._tab(STAFF, "/console") as page:
            await page.wait_for_url("**/sandbox")
            await page.goto(f"{page.url}/tools/faults")
            await page.get_by_text("Stays pending").check()
            await page.get_by_role("button", name="Order this fault").click()

    async def _shop(self) -> None:
        """From the shop to the hosted pages and back; also takes the two pictures of the README."""
        async with self._tab() as page:
            await page.set_viewport_size({"width": 1200, "height": 980})
            await page.goto(self.stage.shop_url)
            await page.get_by_role("button", name="Pay Now").click()
            await self.take(page, "hosted-sign-in")
            await page.get_by_role("button", name="Sign in", exact=True).click()
            await self.take(page, "hosted-mistakes")
            await page.get_by_role("link", name="Create an account").click()
            await self.take(page, "hosted-sign-up", FEW)
            await page.get_by_role("link", name="Sign in").click()
            await _sign_in(page, BUYER)
            await page.get_by_text("Visa ending in").check()
            await self.take(page, "hosted-method")
            await page.get_by_role("button", name="Continue").click()
            await self.take(page, "hosted-confirm")
            await page.get_by_role("link", name="العربية").click()
            await self.take(page, "hosted-confirm-arabic", FEW)
            await page.get_by_role("link", name="English").click()
            await self._figure(page, FIGURES[0])
            await page.get_by_role("button", name="Confirm").click()
            await page.locator("[data-balance='10.00']").wait_for()
            await page.get_by_role("button", name="Buy Paper Lanterns").click()
            await page.get_by_role("button", name="Buy Small Change").click()
            await self._figure(page, FIGURES[1])
            await page.goto(f"{self.service_url}/cobranded-ui/actions/start?pipelineName=SetupPrepaid")
            await self.take(page, "hosted-not-trusted", FEW)

    async def _figure(self, page: Page, name: str) -> None:
        await page.emulate_media(color_scheme="light")
        await page.set_viewport_size({"width": 1200, "height": 980})
        _keep(self.directory / name, await page.screenshot())

    async def _buyer(self) -> None:
        async with self._tab(BUYER) as page:
            await self.take(page, "account")
            await page.locator("a[href^='/account/authorizations/']").last.click()
            await self.take(page, "account-authorization")
            authorization = page.url
            await page.get_by_role("link", name="word for word").click()
            await self.take(page, "account-agreed", FEW)
            await page.goto(f"{authorization}/statements")
            await page.locator("main a[href*='/statements/']").first.click()
            await self.take(page, "account-statement", FEW)
            await page.goto(authorization)
            await page.get_by_role("link", name="Cancel this authorization").click()
            await self.take(page, "account-cancel")
            await page.goto(f"{authorization}/redeem")
            await self.take(page, "account-redeem", FEW)
            for path in ("payment-methods", "security", "data/close"):
                await page.goto(f"/account/{path}")
                await self.take(page, f"account-{path.replace('/', '-')}")
            await page.goto("/nowhere")
            await self.take(page, "error")
            await page.goto("/")
            await self.take(page, "landing")
        async with self._tab(NEWCOMER) as page:
            await self.take(page, "account-nothing", FEW)

    async def _seller(self) -> None:
        async with self._tab(STAFF, "/console") as page:
            await page.wait_for_url("**/sandbox")
            home = page.url
            await self.take(page, "console")
            await page.goto(f"{home}/activity")
            await self.take(page, "console-activity")
            await page.get_by_role("row").get_by_role("link").first.click()
            await self.take(page, "console-transaction")
            await page.get_by_role("link", name="Refund…").click()
            await page.get_by_role("button", name="Go on").click()
            await self.take(page, "console-refund", FEW)
            for name, path in {
                "instruments": "instruments",
                "debts": "debts",
                "disputes": "disputes",
                "payouts": "payouts",
                "payout-account": "payouts/account",
                "redemption": "redemption",
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
            await page.goto(f"{home}/close")
            # the month that the sandbox is in: something moved
            await page.get_by_role("combobox", name="Month").select_option(index=0)
            await page.get_by_role("button", name="Show").click()
            await self.take(page, "console-close")
            await page.goto(f"{home}/instruments")
            await page.get_by_role("row").get_by_role("link").first.click()
            await self.take(page, "console-instrument", FEW)
            for number in range(len(DISPUTED)):
                await page.goto(f"{home}/disputes")
                await page.locator("table.data tbody tr").nth(number).get_by_role("link").first.click()
                standing = await page.locator(".standing .badge").inner_text()
                await self.take(page, f"console-dispute-{standing.lower().replace(' ', '-')}", FEW)
            await page.goto(f"{home}/payouts/new?amount=5.00")
            await self.take(page, "console-payout-preview", FEW)
            await page.goto(f"{home}/debts?all=yes")
            await page.get_by_role("button", name="Settle…").click()
            await self.take(page, "console-debt-preview", FEW)
            await page.goto(f"{home}/tools/requests?action=GetTotalPrepaidLiability")
            await page.get_by_role("button", name="Sign and send").click()
            await self.take(page, "console-request-sent", FEW)
            await page.goto(home.replace("/sandbox", "/live"))
            await self.take(page, "console-live")

    async def _operator(self, sales: Sales) -> None:
        async with self._tab(OPERATOR, "/admin") as page:
            await page.goto("/admin/verification")
            await page.get_by_role("button").last.click()
            while await page.get_by_text("Balanced").count() == 0:  # a worker does it
                await page.wait_for_timeout(200)
                await page.goto("/admin/verification")
            await self.take(page, "admin-verification")
            await sales.trouble.by_hand()
            for path in (
                "",
                "accounts",
                "rails",
                "reconciliation",
                "payouts",
                "disputes",
                "notifications",
                "audit",
                "mail",
                "settings",
            ):
                await page.goto(f"/admin/{path}".rstrip("/"))
                await self.take(page, f"admin-{path}".rstrip("-"))
            await page.goto("/admin/accounts?kind=business")
            await page.get_by_role("row").get_by_role("link").first.click()
            await self.take(page, "admin-account", FEW)
            await page.goto("/admin/payouts?environment=sandbox")
            await self.take(page, "admin-payouts-sandbox")
            for state in ("Under way", "Over"):
                await page.goto("/admin/payouts?environment=sandbox")
                rows = page.get_by_role("table").filter(has=page.get_by_role("caption").filter(has_text=state.lower()))
                await rows.get_by_role("link").first.click()
                await self.take(page, f"admin-payout-{state.lower().replace(' ', '-')}", FEW)
            await page.goto("/admin/styleguide")
            await self.take(page, "admin-styleguide", FEW)


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
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox does not run as root
        started = await playwright.chromium.launch(executable_path=program, args=arguments)
        yield started
        await started.close()


async def _sign_in(page: Page, who: Buyer) -> None:
    await page.get_by_label("E-mail address").fill(who.email)
    await page.get_by_label("Password").fill(who.password)
    await page.get_by_role("button", name="Sign in", exact=True).click()


def _keep(path: Path, png: bytes) -> None:
    """Write the picture with a reduced palette: a third of the size, without a visible difference."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
