"""The settings of this process: the effective values and where each came from."""

from typing import Any

from litestar import get
from litestar.response import Response

from tallystick.services.operations.configuration import configuration, file_of
from tallystick.web.admin.guard import HOME, OperatorContext, for_operator
from tallystick.web.common.shared import PageRequest


@get(f"{HOME}/settings")
async def show_settings(request: PageRequest) -> Response[Any]:
    """Every setting of the process that answers."""

    async def step(operator: OperatorContext) -> Response[Any]:
        settings = operator.service.settings
        return operator.page("admin/settings.html", lines=configuration(settings), file=file_of(settings))

    return await for_operator(request, step)
