"""The settings of a process for people: what counts, where it came from, what it means. Secrets are masked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tallystick.db.privileges import state_of
from tallystick.domain.money import display_amount
from tallystick.services.context import Service
from tallystick.settings import ENVIRONMENT, Settings, setting_fields, variable_name
from tallystick.settings.meanings import meanings

FILE: Final = "file"
DEFAULT: Final = "default"
COMMAND: Final = "command line"

_AMOUNTS: Final = frozenset(
    {"smallest_charge", "unverified_spending_limit", "unverified_receiving_limit", "redeem_balances_below"}
)
_THIS_MACHINE: Final = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting. `name`: as in the file; `source`: ENVIRONMENT, FILE, COMMAND or DEFAULT; `secret`: it is hidden.

    `given_as`: the variable or the name in the file that says it, such as one with `_FILE` at its end; else "".
    """

    name: str
    value: str
    source: str
    given_as: str
    meaning: str
    secret: bool

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return variable_name(self.name)


def configuration(settings: Settings) -> list[SettingLine]:
    """All settings as they count in a process."""
    plain, meant = Settings(), meanings()
    usual = {setting.name: getattr(plain, setting.name) for setting in setting_fields()}
    usual["public_url"] = Settings(port=settings.port).public_url  # without one it follows from the port
    usual["require_verified_email"] = settings.smtp_url is not None  # follows from whether letters leave
    usual["mailed_codes"] = plain.mailed_codes if settings.smtp_url is None else "guests"  # same
    return [
        SettingLine(
            name=setting.name,
            value=_shown(setting.name, getattr(settings, setting.name), secret=not setting.repr),
            source=(source := _source(settings, setting.name, usual[setting.name])),
            given_as=_given_as(settings, setting.name, source),
            meaning=meant.get(setting.name, ""),
            secret=not setting.repr,
        )
        for setting in setting_fields()
    ]


def file_of(settings: Settings) -> str | None:
    """The path of the file that something was read from; None: nothing was."""
    return next((origin.place for origin in settings.origins.values() if origin.place != ENVIRONMENT), None)


def _source(settings: Settings, name: str, usual: object) -> str:
    """Where a value comes from; what was read and then said otherwise comes from the command line."""
    value, origin = getattr(settings, name), settings.origins.get(name)
    if origin is None:
        return DEFAULT if value == usual else COMMAND
    if value != origin.value:
        return COMMAND
    return ENVIRONMENT if origin.place == ENVIRONMENT else FILE


def _given_as(settings: Settings, name: str, source: str) -> str:
    if source not in {ENVIRONMENT, FILE}:
        return ""
    given = settings.origins[name].name
    return variable_name(given) if source == ENVIRONMENT else given


def _shown(name: str, value: object, *, secret: bool) -> str:
    if value is None:
        return "not set"
    if secret:
        return _without_secrets(value) if isinstance(value, str) and "://" in value else "set, not shown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if name in _AMOUNTS and isinstance(value, int):
        return f"${display_amount(value)}"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _without_secrets(url: str) -> str:
    """Where an address leads, without user, password and whatever else it carries."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{'…@' if '@' in parts.netloc else ''}{place}{parts.path}{'?…' if parts.query else ''}"


async def role_warnings(service: Service) -> list[str]:
    """What the service's role in the database may do, and should not; empty where there is nothing."""
    state = await state_of(service.pool)
    return [] if state is None else [f"the database role {state.name} {excess}" for excess in state.excess]


def exposure_warnings(settings: Settings) -> list[str]:
    """What whoever starts the service should put right before others reach it; empty where there is nothing."""
    if not settings.secure_cookies:
        if urlsplit(settings.public_url).hostname in _THIS_MACHINE:
            return []
        return [f"{settings.public_url} has no https: whoever is on the way reads passwords and takes over sessions."]
    found = []
    if not settings.reverse_proxies:
        found.append(
            "TALLYSTICK_REVERSE_PROXIES is not set: something before the service speaks https, and without its word "
            "all clients look like one. Nobody's attempts to sign in are counted by client."
        )
    if settings.smtp_url is None:
        found.append(
            "TALLYSTICK_SMTP_URL is not set: no letter leaves. Nobody can prove an address or get a new password, and "
            "operators can read everybody's letters, with the links in them."
        )
    return found
