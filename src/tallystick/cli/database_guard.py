"""Before a command opens a database: whether it is the service's, and whether it would be a new one.

A command without the settings of the service beside it would make an empty database of its own and report that there is
nothing in it.
"""

from __future__ import annotations

from tallystick.cli.common_options import TOLD
from tallystick.cli.output import ProblemError
from tallystick.cli.serving.running_services import RunningService, running_services
from tallystick.settings import Settings
from tallystick.wiring import NoDatabaseYetError, where


def check_same_database(settings: Settings) -> None:
    """Raises ProblemError: nobody has said which database, and the service that runs here works on another one."""
    if TOLD.new or settings.database_url is not None or "data_directory" in settings.origins:
        return
    services = running_services()
    ours = str(settings.data_directory.resolve())
    if services and all(service.data_directory != ours for service in services):
        raise ProblemError(
            f"this command would work on the database {where(settings)}, and {_told(services)}. Give it the settings "
            "of the service, or name a database (TALLYSTICK_DATA_DIRECTORY, TALLYSTICK_DATABASE_URL); --new: go on"
        )


def no_database_yet(error: NoDatabaseYetError) -> ProblemError:
    """What to say where a command found no database, and was not told to make one."""
    services = running_services()
    beside = f"; {_told(services)}" if services else ""
    return ProblemError(
        f"{error}, and no service has run with these settings{beside}. Give the command the settings of the service "
        "(--config FILE, or its TALLYSTICK_ variables); to make a new, empty database: --new"
    )


def _told(services: list[RunningService]) -> str:
    return " and ".join(
        f"the service at {one.url} (process {one.process}) works on the one {one.database}"
        + (f", as {one.config} says" if one.config else "")
        for one in services
    )
