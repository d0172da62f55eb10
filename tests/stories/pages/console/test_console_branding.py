"""An owner chooses how the hosted pages look, sees it before, and buyers see it after."""

from __future__ import annotations

import re

import pytest
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Page, Seller, World
from tests.stories.pictures import png

from tallystick.services.seller.logos import MAX_BYTES
from tallystick.services.seller.staff import StaffRole
from tallystick.web.console.business.branding import LOGO_FORM_BYTES

CHOSEN = {"name": "Songs & Co", "accent": "#B31B4E", "support": "help@songs.example"}


async def test_what_is_chosen_shows_on_the_hosted_pages(world: World, seller: Seller) -> None:
    owner = await at_work(world, seller)
    page = await owner.get(console(seller, "branding"))
    saved = await owner.submit(page, "/branding", do="save", **CHOSEN)
    assert "Saved. Buyers see it from now on." in saved.text

    hosted = await world.browser().get(seller.url(seller.prepaid()))
    assert "Songs &amp; Co" in hosted.text
    assert "mailto:help@songs.example" in hosted.text
    sheet = re.search(r'href="(/accents/b31b4e[^"]*)"', hosted.text)
    assert sheet is not None
    assert "--accent: #b31b4e" in (await world.browser().get(sheet[1])).text
    rows = await world.rows("SELECT action, details FROM audit_entry WHERE business_id = $1", seller.party.party_id)
    assert rows == [{"action": "branding.change", "details": CHOSEN | {"accent": "#b31b4e"}}]


async def test_a_preview_saves_nothing_and_looks_as_the_page_will(world: World, seller: Seller) -> None:
    owner = await at_work(world, seller)
    page = await owner.get(console(seller, "branding"))
    before = re.search(r'<iframe[^>]* src="([^"]+)"', page.text)
    looked = await owner.submit(page, "/branding", do="look", **CHOSEN)
    after = re.search(r'<iframe[^>]* src="([^"]+)"', looked.text)
    assert before is not None
    assert after is not None
    assert "Nothing is saved yet." in looked.text
    assert Page(looked).form("/branding").fields["name"] == "Songs & Co"

    preview = await owner.get(after[1].replace("&amp;", "&"))
    assert "Songs &amp; Co" in preview.text
    assert "/accents/b31b4e" in preview.text
    assert "Up to" in Page(preview).text or "up to" in Page(preview).text
    assert "Music Shop" in (await owner.get(before[1].replace("&amp;", "&"))).text
    assert await world.rows("SELECT FROM branding WHERE party_id = $1", seller.party.party_id) == []


async def test_only_our_own_pages_may_frame_the_preview(world: World, seller: Seller) -> None:
    owner = await at_work(world, seller)
    page, preview = [await owner.get(console(seller, *parts)) for parts in (["branding"], ["branding", "preview"])]
    assert "frame-src 'self';" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'self'" in preview.headers["content-security-policy"]
    assert preview.headers["x-frame-options"] == "SAMEORIGIN"
    assert "frame-src" not in preview.headers["content-security-policy"]


async def test_a_colour_that_cannot_be_read_is_told_with_what_becomes_of_it(world: World, seller: Seller) -> None:
    owner = await at_work(world, seller)
    page = await owner.get(console(seller, "branding"))
    text = Page(await owner.submit(page, "/branding", do="look", name="", accent="#fe0", support="")).text
    assert re.search(r"Light theme: shown as #[0-9a-f]{6}, to be readable, contrast (4\.[5-9]|[5-9]\.\d) to 1", text)
    assert "Dark theme: as it is" in text


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"accent": "green"}, "Type a colour as six digits, such as #17594a."),
        ({"accent": "#12345"}, "Type a colour as six digits, such as #17594a."),
        ({"support": "http://songs.example"}, "Type an https address, or an e-mail address."),
        ({"support": "javascript:alert(1)"}, "Type an https address, or an e-mail address."),
        ({"support": "https://songs"}, "Type an https address, or an e-mail address."),
        ({"name": "x" * 101}, "Use at most 100 ordinary characters."),
        ({"name": "Songs \u202esgnos"}, "Use at most 100 ordinary characters."),
        ({"name": "\u2067Songs\u2069"}, "Use at most 100 ordinary characters."),
        ({"name": "Songs\u200f!"}, "Use at most 100 ordinary characters."),
    ],
)
async def test_what_cannot_be_used_is_said_and_kept_in_the_form(
    world: World, seller: Seller, typed: dict[str, str], problem: str
) -> None:
    owner = await at_work(world, seller)
    page = await owner.get(console(seller, "branding"))
    answer = await owner.submit(page, "/branding", do="save", **typed)
    assert answer.status_code == 422
    assert problem in answer.text
    for name, value in typed.items():
        assert Page(answer).form("/branding").fields[name] == value
        assert value not in (await owner.get(console(seller, "branding", "preview"))).text


async def test_a_logo_comes_and_goes(world: World, seller: Seller) -> None:
    owner = await at_work(world, seller)
    path = console(seller, "branding")
    token = await owner.form_header()
    pictures = {
        b"no picture": "must be a PNG or JPEG",
        png(200, 40)[:8] + bytes(MAX_BYTES - 8): "damaged",
        bytes(MAX_BYTES + 1): "must not be larger than 64 KiB",
        bytes(LOGO_FORM_BYTES - 16 * 1024): "must not be larger than 64 KiB",  # a photograph, as a phone makes it
    }
    for picture, problem in pictures.items():
        refused = await owner.http.post(f"{path}/logo", files={"file": ("logo.png", picture)}, headers=token)
        assert refused.status_code == 422
        assert problem in refused.text

    files = {"file": ("logo.png", png(200, 40))}
    added = await owner.http.post(f"{path}/logo", files=files, data={"do": "keep"}, headers=token)
    assert added.headers["location"] == f"{path}?done=logo"
    assert "/logos/" in (await world.browser().get(seller.url(seller.prepaid()))).text

    await owner.http.post(f"{path}/logo", files=files, data={"do": "remove"}, headers=token)
    assert "/logos/" not in (await world.browser().get(seller.url(seller.prepaid()))).text


async def test_too_large_a_form_leads_back_to_the_console(world: World, seller: Seller) -> None:
    owner = await at_work(world, seller)
    page = await owner.get(console(seller, "branding"))
    refused = await owner.submit(page, "/branding", name="x" * 100_000)
    assert refused.status_code == 413
    assert "That is too much" in Page(refused).text
    assert "/console" in Page(refused).links


async def test_who_may_not_change_it_sees_it(world: World, seller: Seller) -> None:
    viewer = await at_work(world, seller, StaffRole.VIEWER)
    page = await viewer.get(console(seller, "branding"))
    assert "Owners can change this." in page.text
    assert [form.action for form in Page(page).forms] == ["/sign-out"]
