"""Everybody who changes something on a page leaves a row in the audit log, or the table says why there is none."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute
from tests.stories.pages.audit_table import FORMS, WITHOUT, Form
from tests.stories.pages.deeds.scene import Scene
from tests.stories.pages.people import employee, runs_the_service, signed_in
from tests.stories.pages.world import Seller, World

from tallystick.services.seller.staff import StaffRole
from tallystick.web.app import create_pages


def test_every_form_has_its_entry(world: World) -> None:
    forms = {
        f"POST {route.path_format}"
        for route in create_pages(world.service).routes
        if isinstance(route, HTTPRoute) and "POST" in route.methods
    }
    audited = {form.route for form in FORMS}
    assert {route for route in audited if route.startswith("POST ")} | set(WITHOUT) == forms
    assert audited & set(WITHOUT) == set()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.deed.__name__.strip('_')} {form.action}")
async def test_the_form_leaves_its_row(world: World, seller: Seller, form: Form) -> None:
    owner = await employee(world, seller, StaffRole.OWNER)
    await runs_the_service(world, owner)
    scene = Scene(world, seller, owner, await signed_in(world, owner))
    sent = await marks(scene, form.route)

    await form.deed(scene)

    assert sent, f"{form.route} was never sent"
    rows = await world.rows("SELECT * FROM audit_entry WHERE audit_id > $1 ORDER BY audit_id", sent[-1])
    expected = [(action, scene.person.party_id) for action in (form.action, *form.then)]
    assert [(row["action"], row["actor_id"]) for row in rows] == expected
    if "/console/" in form.route or "fees" in form.route:
        assert rows[0]["business_id"] == seller.party.party_id


async def marks(scene: Scene, route: str) -> list[int]:
    """The number of the last row, each time when the browser is about to send a request to the route."""
    verb, path = route.split(" ")
    pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
    found: list[int] = []

    async def before(request: httpx.Request) -> None:
        if request.method == verb and pattern.fullmatch(request.url.path):
            rows: list[dict[str, Any]] = await scene.world.rows("SELECT max(audit_id) AS last FROM audit_entry")
            found.append(rows[0]["last"] or 0)

    scene.browser.http.event_hooks["request"].append(before)
    return found
