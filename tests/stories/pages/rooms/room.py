"""A page as it was sent, and going from page to page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx
from tests.stories.pages.access_table import DESK, ENTRIES, filled
from tests.stories.pages.world import Browser, Seller, World

NOT_PAGES: Final = frozenset(
    {
        "GET /docs",
        "GET /docs/{page}",
        "GET /static/style.css",
        "GET /static/{file_path}",
        "GET /logos/{digest}",
        "GET /accents/{accent}",
        "GET /.well-known/change-password",
        "GET /.well-known/security.txt",
        "GET /admin/payout-files/{message_id}",
        "GET /certs/{name}/PKICert.pem",
        "GET /doc/{version}/AmazonFPS.xsd",
        "GET /doc/{version}/AmazonFPS.wsdl",
        f"GET {DESK}/disputes/{{dispute_id}}/evidence.pdf",
        "GET /account/authorizations/{authorization_id}/statement.csv",
        "GET /account/data/export.json",
        "GET /rails/back/{setup_id}",
        f"GET {DESK}/activity.csv",
        f"GET {DESK}/instruments.csv",
        f"GET {DESK}/debts.csv",
        f"GET {DESK}/close.csv",
    }
)
"""Routes that answer with a file or a word."""

SHORT: Final = "too short"
WRONG_CARD: Final = {"number": "4242", "expiry": "13/20"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A page. `route` as the access table has it; `state` tells it from others of this route."""

    route: str
    state: str
    response: httpx.Response


@dataclass
class Showroom:
    """Goes from page to page, and keeps what was shown."""

    world: World
    seller: Seller
    shown: list[Shown] = field(default_factory=list)

    def keep(self, route: str, response: httpx.Response, state: str = "", *, status: int = 200) -> httpx.Response:
        assert response.status_code == status, (route, state, response.status_code, response.text[:2000])
        self.shown.append(Shown(route, state, response))
        return response

    async def look(self, browser: Browser, route: str, path: str, state: str = "") -> httpx.Response:
        """A page that is asked for by its address, and is where it was looked for."""
        response = await browser.get(path)
        assert response.url.path == path.partition("?")[0], (route, path, response.url.path)
        return self.keep(route, response, state)

    async def every(
        self, below: str, browser: Browser, ids: Mapping[str, str], *, without: set[str] | frozenset[str] = frozenset()
    ) -> None:
        """All pages whose address begins so."""
        for route in ENTRIES:
            verb, path = route.split(" ")
            inside = path == below or path.startswith(f"{below}/")
            if verb == "GET" and inside and route not in NOT_PAGES | without:
                await self.look(browser, route, filled(path, self.seller, ids))
