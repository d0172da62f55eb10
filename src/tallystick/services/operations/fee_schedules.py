"""Fee schedules: read from a file (TOML), and chosen for a seller.

`fees.toml` beside this module is the file that is shipped and shows the form.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.commands import Method
from tallystick.domain.fees import Bracket, FeeSchedule, FeeSchedules
from tallystick.domain.money import parse_amount
from tallystick.services.operations import audit
from tallystick.settings import SettingsError
from tallystick.store.accounts import parties

if TYPE_CHECKING:
    from tallystick.db.connections import Database
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor
    from tallystick.store.queries.account_register import Account

STANDARD: Final = "standard"
"""What the schedule of all sellers without one of their own is called."""

OWN: Final = "own"
"""The table of a file that has the others."""

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_PPM_PER_MICRO_PERCENT: Final = 100
"""Percentages are read like amounts, in millionths of a percent; a part per million is a hundred of them."""


def read_fee_schedules(path: Path | None) -> FeeSchedules:
    """The standard schedules of a file, or the shipped ones. Raises SettingsError: it makes no sense."""
    return _read(path)[0]


def read_own_fee_schedules(path: Path | None) -> Mapping[str, FeeSchedules]:
    """The schedules that a file has for single sellers besides, by name. Raises SettingsError, as above."""
    return _read(path)[1]


async def check_chosen_schedules(database: Database, own: Mapping[str, FeeSchedules]) -> None:
    """Raises SettingsError: a seller has a schedule that the file lacks. A started service would take wrong fees."""
    lost = [name for name in await parties.chosen_fee_schedules(database) if name not in own]
    if lost:
        raise SettingsError(f"sellers have the fee schedule {', '.join(lost)}, and the file of schedules lacks it")


async def choose_schedule(service: Service, actor: Actor, account: Account, name: str | None) -> None:
    """Let a seller have a schedule from the next charge on. Raises LookupError: there is none of this name."""
    service.committer.rules.fees_of(name)
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        await parties.set_fee_schedule(connection, account.party_id, name)
        await audit.record(
            connection,
            actor,
            "account.fees",
            account.email,
            business_id=account.party_id,
            details={"before": account.fee_schedule or STANDARD, "now": name or STANDARD},
            at=now,
        )


def _read(path: Path | None) -> tuple[FeeSchedules, Mapping[str, FeeSchedules]]:
    name = "the shipped fee schedule" if path is None else str(path)
    try:
        text = (files(__package__) / "fees.toml" if path is None else path).read_text(encoding="utf-8")
        tables = tomllib.loads(text)
        own = {_name(one): _schedules(of_one) for one, of_one in tables.pop(OWN, {}).items()}
        return _schedules(tables), own
    except (OSError, tomllib.TOMLDecodeError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise SettingsError(f"fee schedule {name}: {error}") from error


def _name(text: str) -> str:
    if text == STANDARD or not _NAME.fullmatch(text):
        raise ValueError(f"no name for a schedule: {text}")
    return text


def _schedules(tables: Mapping[str, Any]) -> FeeSchedules:
    unknown = tables.keys() - {method.value for method in Method}
    if unknown:
        raise ValueError(f"unknown payment method {', '.join(sorted(unknown))}")
    missing = [method.value for method in Method if method.value not in tables]
    if missing:
        raise ValueError(f"no table for {', '.join(missing)}")
    return {method: _schedule(tables[method.value]) for method in Method}


def _schedule(table: Mapping[str, Any]) -> FeeSchedule:
    brackets = tuple(
        Bracket(parse_amount(row["up_to"]) if "up_to" in row else None, _rate_ppm(row["percent"]))
        for row in table["brackets"]
    )
    return FeeSchedule(parse_amount(table["fixed"]), brackets)


def _rate_ppm(percent: str) -> int:
    rate_ppm, rest = divmod(parse_amount(percent), _PPM_PER_MICRO_PERCENT)
    if rest:
        raise ValueError(f"a rate has at most four decimals, not {percent} %")
    return rate_ppm
