"""Browsers before the operator's pages."""

from __future__ import annotations

import pytest
from tests.stories.pages.people import operator, person, signed_in
from tests.stories.pages.world import Browser, World

from tallystick.store.accounts.parties import Party


@pytest.fixture(scope="module")
async def someone(pages: World) -> Party:
    """An operator."""
    return await operator(pages)


@pytest.fixture(scope="module")
async def admin(pages: World, someone: Party) -> Browser:
    """A browser on which the operator has signed in."""
    return await signed_in(pages, someone)


@pytest.fixture(scope="module")
async def stranger(pages: World) -> Browser:
    """A browser on which somebody else has signed in."""
    return await signed_in(pages, await person(pages))
