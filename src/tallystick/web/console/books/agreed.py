"""Evidence of consent, word for word: what a seller shows when a charge is disputed."""

from typing import Any

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response

from tallystick.domain.ids import MalformedIdError, token_kind_and_book
from tallystick.services.consent import evidence
from tallystick.services.seller.manual_operations import BookContext
from tallystick.web.common.browser.visitors import device
from tallystick.web.common.shared import PageRequest
from tallystick.web.console.book_context import with_books
from tallystick.web.console.console_context import ConsoleContext
from tallystick.words.languages import LANGUAGES


@get("/console/{business:int}/{environment:str}/agreed/{authorization_id:str}")
async def show_agreed(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], authorization_id: FromPath[str]
) -> Response[Any]:
    """The evidence for an instrument, or for a token that has none."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        try:
            _, book_id = token_kind_and_book(authorization_id)
        except MalformedIdError:
            raise NotFoundException from None
        agreed = None
        if book_id in books.parts:
            agreed = await evidence.of_authorization(console.service, book_id, authorization_id)
        if agreed is None:
            raise NotFoundException
        spoken = agreed.wording["language"]
        return console.page(
            "console/books/agreed.html",
            agreed=agreed,
            authorization_id=authorization_id,
            device=device(agreed.user_agent),
            language_name=known.name if (known := LANGUAGES.get(spoken)) else spoken,
        )

    return await with_books(request, business, environment, step)


agreed_routes = [show_agreed]
