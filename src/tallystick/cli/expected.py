"""Errors of the environment or of the input. Imported when something went wrong, since it needs what they belong to."""

from __future__ import annotations

from typing import Final

import asyncpg
import httpx

from tallystick.cli.output import ProblemError
from tallystick.db.clock_watch import WrongClockError
from tallystick.db.database import NoDatabaseError
from tallystick.db.embedded.server import EmbeddedPostgresError
from tallystick.db.migrate import MigrationError
from tallystick.settings import SettingsError
from tallystick.wiring import SealBrokenError

EXPECTED: Final = (
    ProblemError,
    SettingsError,
    NoDatabaseError,
    EmbeddedPostgresError,
    MigrationError,
    SealBrokenError,
    WrongClockError,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    httpx.HTTPError,
)
"""Reported in a line, without a traceback."""
