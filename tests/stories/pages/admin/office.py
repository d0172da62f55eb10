"""What an operator reads and does, and the work that waits for one."""

from __future__ import annotations

import secrets

from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.client.fps import amount
from tallystick.domain.money import parse_amount
from tallystick.store.accounts.parties import Party


async def text_at(browser: Browser, path: str) -> str:
    response = await browser.get(path)
    assert response.status_code == 200, (path, response.status_code)
    return Page(response).text


async def change(admin: Browser, account: Party, name: str, reason: str = "") -> str:
    """Do something to an account on its page; what the page says then."""
    page = await admin.get(f"/admin/accounts/{account.party_id}")
    form = next(form for form in Page(page).forms if form.fields.get("change") == name)
    return Page(await admin.post(form.action, form.fields | {"reason": reason})).text


async def funded(world: World, seller: Seller, value: str = "20.00") -> dict[str, str]:
    """A buyer's authorization whose funding a rail still has to carry out."""
    browser = world.browser()
    page = await browser.at_confirm(seller.url(seller.prepaid()))
    answer = await world.answer(await browser.submit(page, "/confirm"))
    await seller.api.call(
        "FundPrepaid",
        {
            "SenderTokenId": answer["fundingTokenID"],
            "PrepaidInstrumentId": answer["prepaidInstrumentID"],
            "CallerReference": secrets.token_hex(6),
            **amount("FundingAmount", parse_amount(value)),
        },
    )
    return answer
