"""The living style page: every part that pages are made of, as it looks now."""

from typing import Any

from litestar import get
from litestar.response import Response

from tallystick.web.admin.guard import HOME, OperatorContext, for_operator
from tallystick.web.common.shared import PageRequest


@get(f"{HOME}/styleguide")
async def show_styleguide(request: PageRequest) -> Response[Any]:
    """Everything, with made-up figures."""

    async def step(operator: OperatorContext) -> Response[Any]:
        return operator.page("admin/styleguide.html")

    return await for_operator(request, step)
