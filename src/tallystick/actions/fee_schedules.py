"""Read a fee schedule file (TOML); `fees.toml` beside this module is the one that is shipped and shows the form."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from tallystick.domain.commands import Method
from tallystick.domain.fees import Bracket, FeeSchedule, FeeSchedules
from tallystick.domain.money import parse_amount
from tallystick.settings import SettingsError

_PPM_PER_MICRO_PERCENT = 100
"""Percentages are read like amounts, in millionths of a percent; a part per million is a hundred of them."""


def read_fee_schedules(path: Path | None) -> FeeSchedules:
    """The schedules of a file, or the shipped ones. Raises SettingsError: the file cannot be read or makes no sense."""
    name = "the shipped fee schedule" if path is None else str(path)
    try:
        text = (files(__package__) / "fees.toml" if path is None else path).read_text(encoding="utf-8")
        return _schedules(tomllib.loads(text))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError, ValueError, KeyError) as error:
        raise SettingsError(f"fee schedule {name}: {error}") from error


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
