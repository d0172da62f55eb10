"""Mail that was written: whether it left, and what it says while it is still here."""

from typing import Any, Final

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response

from tallystick.ledger import mail
from tallystick.web.pages.admin.guard import HOME, Operator, for_operator
from tallystick.web.pages.shared import PageRequest

LISTED: Final = 100
PLACE: Final = f"{HOME}/mail"


@get(PLACE)
async def show_mail(request: PageRequest) -> Response[Any]:
    """The newest letters."""

    async def step(operator: Operator) -> Response[Any]:
        return operator.page(
            "admin/mail.html",
            letters=await mail.latest(operator.service.pool, LISTED),
            most=LISTED,
            kept_days=mail.KEPT.days,
            leaves=operator.service.settings.smtp_url is not None,
        )

    return await for_operator(request, step)


@get(f"{PLACE}/{{letter:int}}")
async def show_letter(request: PageRequest, letter: FromPath[int]) -> Response[Any]:
    """One letter with its text. Links in it open accounts: it can be read only where mail does not leave."""

    async def step(operator: Operator) -> Response[Any]:
        found = next((one for one in await mail.latest(operator.service.pool, LISTED) if one.mail_id == letter), None)
        if found is None:
            raise NotFoundException
        readable = operator.service.settings.smtp_url is None
        return operator.page("admin/letter.html", letter=found, text=found.body if readable else None)

    return await for_operator(request, step)
