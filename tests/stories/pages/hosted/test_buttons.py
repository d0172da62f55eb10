"""Buttons on a seller's page, as the button maker writes them, and the seller's logo on the way."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from tests.stories.pages.world import RETURN_URL, Seller, World
from tests.stories.pictures import png
from typer.testing import CliRunner

from tallystick.cli.app import app
from tallystick.client import buttons
from tallystick.client.fps import Credentials
from tallystick.store.accounts import logos
from tallystick.store.accounts.logos import Logo


class Html(HTMLParser):
    """What a browser makes of a button."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.target = ""
        self.method = ""
        self.fields: dict[str, str] = {}
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in {"a", "form"}:
            self.target, self.method = given.get("href") or given["action"], given.get("method", "")
        if tag == "input":
            self.fields[given["name"]] = given["value"]

    def handle_data(self, data: str) -> None:
        self.words += data.strip()


def keys(seller: Seller) -> Credentials:
    return Credentials(seller.key.access_key_id, seller.key.secret)


async def test_a_link_leads_to_the_pages(world: World, seller: Seller) -> None:
    params = seller.prepaid(paymentReason='"Songs" & <b>more</b>')
    html = buttons.link(world.base_url, keys(seller), params, "Pay <now>")
    assert '"Songs"' not in html

    read = Html(html)

    assert read.words == "Pay <now>"
    assert (await world.browser().get(read.target)).url.path.endswith("/sign-in")


async def test_a_form_leads_to_the_pages(world: World, seller: Seller) -> None:
    read = Html(buttons.form(world.base_url, keys(seller), seller.postpaid(paymentReason="A & B"), "Authorize Now"))
    assert (read.method, read.words) == ("get", "Authorize Now")

    answer = await world.browser().http.get(read.target, params=read.fields, follow_redirects=True)

    assert answer.url.path.endswith("/sign-in")
    assert "A &amp; B" in answer.text


async def test_the_command_makes_a_simple_pay_button(world: World, seller: Seller) -> None:
    given = ["amount=USD 3.00", "description=A <song>", f"returnUrl={RETURN_URL}"]
    options = ["--key", seller.key.access_key_id, "--secret-env", "SECRET", "--service", world.base_url]
    command = ["sandbox", "button", "--simple-pay", *given, *options]
    made = CliRunner().invoke(app, command, env={"SECRET": seller.key.secret})
    assert made.exit_code == 0, made.output
    read = Html(made.output)
    assert (read.method, read.words) == ("post", "Pay Now")
    assert seller.key.secret not in made.output

    page = await world.browser().post(read.target, read.fields)

    assert page.url.path.endswith("/sign-in")
    assert "3.00 USD" in page.text


@pytest.mark.parametrize("flags", [[], ["--pay-now", "--simple-pay"]])
def test_the_command_wants_one_kind(flags: list[str]) -> None:
    made = CliRunner().invoke(app, ["sandbox", "button", *flags, "a=b", "--key", "K", "--secret-stdin"], input="x\n")
    assert made.exit_code != 0
    assert "name one of --pay-now" in str(made.exception)


@pytest.mark.parametrize(("style", "classes"), [("logo", "logo"), ("banner", "logo wide")])
async def test_a_logo_stands_for_the_name(world: World, seller: Seller, style: str, classes: str) -> None:
    picture = png(201, 40)  # nobody else has it: pictures are kept by what is in them
    digest = await logos.save(world.pool, seller.party.party_id, Logo("image/png", picture), world.clock())
    foreign = "https://elsewhere.example/logo.png"

    page = await world.browser().get(
        seller.url(seller.request("SingleUse", cobrandingStyle=style, cobrandingUrl=foreign))
    )

    assert f'<img class="{classes}" src="/logos/{digest}" alt="Music Shop">' in page.text
    assert "elsewhere.example" not in page.text
    shown = await world.browser().http.get(f"/logos/{digest}")
    assert (shown.content, shown.headers["content-type"]) == (picture, "image/png")
    assert shown.headers["x-content-type-options"] == "nosniff"
    await logos.remove(world.pool, seller.party.party_id)
    assert (await world.browser().http.get(f"/logos/{digest}")).status_code == 404


@pytest.mark.parametrize("path", ["/logos/1", "/logos/%00", f"/logos/{'0' * 64}"])
async def test_there_are_no_other_logos(world: World, path: str) -> None:
    assert (await world.browser().http.get(path)).status_code == 404
