"""Mail: whether each letter was sent, and its text as long as it was not."""

import re
from typing import Any, Final

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response

from tallystick.services.identity import mail
from tallystick.services.identity.mail import Mail
from tallystick.web.admin.guard import HOME, OperatorContext, for_operator
from tallystick.web.common.shared import PageRequest

LISTED: Final = 100
PLACE: Final = f"{HOME}/mail"
_CODE: Final = re.compile(r"[0-9]{4,}")


@get(PLACE)
async def show_mail(request: PageRequest) -> Response[Any]:
    """The newest letters."""

    async def step(operator: OperatorContext) -> Response[Any]:
        letters = await mail.latest(operator.service, LISTED)
        return operator.page(
            "admin/mail.html",
            letters=letters,
            subjects={letter.mail_id: _subject(operator, letter) for letter in letters},
            maximum=LISTED,
            kept_days=mail.KEPT.days,
            leaves=_leaves(operator),
        )

    return await for_operator(request, step)


@get(f"{PLACE}/{{letter:int}}")
async def show_letter(request: PageRequest, letter: FromPath[int]) -> Response[Any]:
    """One letter. Links in its text give access to accounts: the text is shown only where no mail server is set up."""

    async def step(operator: OperatorContext) -> Response[Any]:
        found = next((one for one in await mail.latest(operator.service, LISTED) if one.mail_id == letter), None)
        if found is None:
            raise NotFoundException
        text = None if _leaves(operator) else found.body
        return operator.page("admin/letter.html", letter=found, subject=_subject(operator, found), text=text)

    return await for_operator(request, step)


def _leaves(operator: OperatorContext) -> bool:
    return operator.service.settings.smtp_url is not None


def _subject(operator: OperatorContext, letter: Mail) -> str:
    """The subject for operators: without its code, which is for the recipient alone, once a mail server is set up."""
    return _CODE.sub("…", letter.subject) if _leaves(operator) else letter.subject
