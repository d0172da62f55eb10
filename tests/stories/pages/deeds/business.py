"""Deeds in the console: branding, return hosts, staff."""

from __future__ import annotations

import re
import secrets

from tests.stories.pages.deeds.scene import Scene
from tests.stories.pages.people import employee, person
from tests.stories.pages.world import PASSWORD, Page
from tests.stories.pictures import png

from tallystick.services.seller.staff import StaffRole
from tallystick.store.accounts import return_hosts
from tallystick.store.accounts.parties import Party


async def branding(scene: Scene) -> None:
    await scene.on("branding", "/branding", do="save", name="Songs", accent="#b31b4e", support="")


async def logo(scene: Scene) -> None:
    form = Page(await scene.look("branding")).form("/logo")
    fields = {name: value for name, value in form.fields.items() if name != "file"}
    sent = await scene.browser.http.post(form.action, data=fields, files={"file": ("a.png", png(9, 9))})
    assert sent.headers["location"].endswith("done=logo")


async def remove_logo(scene: Scene) -> None:
    await logo(scene)
    await scene.on("branding", "/logo", do="remove")


async def smallest_charge(scene: Scene) -> None:
    await scene.on("charges", "/smallest", smallest_charge="0.000001")


async def dust_rule(scene: Scene) -> None:
    await scene.on("charges", "/dust", dust="round")


async def asked_host(scene: Scene) -> str:
    """A host that the seller asked for; nobody else knows it."""
    host = f"{secrets.token_hex(6)}.example"
    await scene.on("hosts", "/hosts", host=host)
    return host


async def claimed_host(scene: Scene) -> str:
    host = await asked_host(scene)
    await return_hosts.claim(scene.world.pool, scene.seller.party.party_id, host, "file", scene.world.clock())
    return host


async def ask_for_host(scene: Scene) -> None:
    await asked_host(scene)


async def release_host(scene: Scene) -> None:
    await asked_host(scene)
    await scene.on("hosts", "/release")


async def allow(scene: Scene) -> str:
    host, guest = await claimed_host(scene), await scene.world.seller("Neighbour")
    await scene.on("hosts", "/allow", guest=str(guest.party.party_id))
    return host


async def disallow(scene: Scene) -> None:
    await allow(scene)
    await scene.on("hosts", "/disallow")


async def invite(scene: Scene) -> None:
    await scene.on("staff", "/staff", email=f"{secrets.token_hex(6)}@new.example", role="viewer")


async def uninvite(scene: Scene) -> None:
    await invite(scene)
    await scene.on("staff", "/uninvite")


async def role(scene: Scene) -> None:
    colleague = await employee(scene.world, scene.seller, StaffRole.VIEWER)
    await scene.on(f"staff/{colleague.party_id}", "/role", role="finance")


async def remove(scene: Scene) -> None:
    colleague = await employee(scene.world, scene.seller, StaffRole.VIEWER)
    await scene.on(f"staff/{colleague.party_id}", "/remove")


async def _invitation_for(scene: Scene, email: str) -> str:
    sent = await scene.on("staff", "/staff", email=email, role="viewer")
    found = re.search(r"/console/invitations/[A-Za-z0-9_-]+", sent.text)
    assert found is not None
    return found[0]


async def join(scene: Scene) -> None:
    friend = await person(scene.world)
    path = await _invitation_for(scene, friend.email)
    scene.person = friend
    await scene.sign_in(friend)
    await scene.send(await scene.browser.get(path), path)


async def join_with_new_account(scene: Scene) -> None:
    email = f"{secrets.token_hex(6)}@new.example"
    path = await _invitation_for(scene, email)
    scene.browser.http.cookies.clear()
    await scene.send(await scene.browser.get(path), "/sign-up", name="Dee Developer", password=PASSWORD)
    (row,) = await scene.world.rows("SELECT party_id FROM party WHERE email = $1", email)
    scene.person = Party(row["party_id"], "personal", email, "", "active", scene.world.clock())
