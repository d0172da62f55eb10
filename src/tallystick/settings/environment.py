"""Settings are read once, from the variables of the environment and from a file; `docs/settings.md` is their table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tallystick.domain.banking.bank_accounts import parse_holder, parse_iban
from tallystick.domain.commands import Method
from tallystick.domain.names.spelling import closest
from tallystick.settings.configuration_file import CONFIG, ConfigurationFile
from tallystick.settings.master_key import parse_master_key
from tallystick.settings.parsers import (
    RAILS,
    ListOf,
    absolute_path,
    amount,
    bank_debit,
    bearer_token,
    between,
    contact,
    database_url,
    display_name,
    existing_file,
    file_content,
    host_name,
    hsts,
    live_rail,
    mail_from,
    network,
    one_of,
    origin,
    page_address,
    route_limit,
    smallest_charge,
    smtp_url,
    stripe_key,
    stripe_test_key,
    switch,
)
from tallystick.settings.secret_command import parse_command, told_by
from tallystick.settings.values import ENVIRONMENT, Origin, Settings, SettingsError, setting_fields

PREFIX: Final = "TALLYSTICK_"
TEST_PREFIX: Final = "TALLYSTICK_TEST_"
_NO_SETTINGS: Final = frozenset({CONFIG, "TALLYSTICK_COMPILE", "TALLYSTICK_LONG_TESTS"})
"""What says where the file is, and what installation and tests read: no settings of the service, nor misspelt ones."""

LOG_FORMATS: Final = ("console", "json")
REFERENCE_REUSE: Final = ("never", "after-seven-days")
SECOND_FACTOR_OF: Final = ("operators", "owners", "both", "nobody")
MAILED_CODES_OF: Final = ("nobody", "guests", "buyers")
PAYOUT_RAILS: Final = ("manual", "file", "recorded", "stripe")
SANDBOX_PAYOUT_RAILS: Final = ("simulated", *PAYOUT_RAILS)
LOG_LEVELS: Final = ("debug", "info", "warning", "error")

_NEEDS: Final[Mapping[str, str]] = {
    "owner_database_url": "database_url",
    "smtp_url": "mail_from",
    "stripe_webhook_secret": "stripe_secret_key",
    "stripe_test_webhook_secret": "stripe_test_secret_key",
}
"""Settings that say nothing without another one."""

_MASTER_KEYS: Final = ("master_key", "master_key_command", "master_key_file")
"""Settings that are three ways to one master key, which is read later and may be exchanged while the service runs."""

PARSERS: Final[Mapping[str, Callable[[str], object]]] = {
    "data_directory": absolute_path,
    "database_url": database_url,
    "owner_database_url": database_url,
    "host": str,
    "port": between(1, 65_535),
    "public_url": origin,
    "allowed_hosts": ListOf(host_name),
    "hsts": hsts,
    "staff_url": origin,
    "staff_networks": ListOf(network),
    "security_contact": ListOf(contact),
    "operator_name": display_name,
    "imprint_url": page_address,
    "terms_url": page_address,
    "privacy_url": page_address,
    "master_key": parse_master_key,
    "master_key_command": parse_command,
    "master_key_file": existing_file,
    "further_master_keys": ListOf(parse_master_key),
    "timestamp_skew_seconds": between(0, 86_400),
    "clock_tolerance_seconds": between(1, 3_600),
    "rail_delay_ms": between(0, 86_400_000),
    "sandbox_card_rail": one_of(RAILS),
    "sandbox_bank_rail": one_of(RAILS),
    "live_card_rail": live_rail,
    "live_bank_rail": live_rail,
    "sandbox_faults": switch,
    "stripe_secret_key": stripe_key,
    "stripe_webhook_secret": bearer_token,
    "stripe_test_secret_key": stripe_test_key,
    "stripe_test_webhook_secret": bearer_token,
    "stripe_api_base": origin,
    "stripe_bank_debit": bank_debit,
    "worker_interval_ms": between(10, 60_000),
    "notification_timeout_ms": between(100, 60_000),
    "notification_lifetime_hours": between(1, 720),
    "keep_notifications_days": between(1, 3_650),
    "reference_reuse": one_of(REFERENCE_REUSE),
    "keep_requests_days": between(0, 365),
    "allow_private_notification_targets": switch,
    "allow_unsigned_cobranded": switch,
    "allow_weak_soap_signatures": switch,
    "allow_signature_v1": switch,
    "allow_signature_v0": switch,
    "verify_signature_for_anyone": switch,
    "require_verified_email": switch,
    "require_verified_accounts": switch,
    "smallest_charge": smallest_charge,
    "unverified_spending_limit": amount,
    "unverified_receiving_limit": amount,
    "redeem_balances_below": amount,
    "tolerate_unknown_parameters": switch,
    "log_format": one_of(LOG_FORMATS),
    "log_level": one_of(LOG_LEVELS),
    "log_requests": switch,
    "fee_schedule_file": existing_file,
    "smtp_url": smtp_url,
    "mail_from": mail_from,
    "confirm_within_minutes": between(1, 120),
    "step_up_minutes": between(1, 120),
    "mailed_codes": one_of(MAILED_CODES_OF),
    "require_second_factor": one_of(SECOND_FACTOR_OF),
    "reverse_proxies": between(0, 10),
    "max_connections": between(16, 60_000),
    "max_connections_per_address": between(0, 60_000),
    "direct_http": switch,
    "drain_seconds": between(0, 300),
    "calls_per_second": between(0, 100_000),
    "requests_per_second_per_address": between(0, 100_000),
    "requests_per_minute_by_route": ListOf(route_limit),
    "verify_every_hours": between(0, 8_760),
    "remembered_balances": between(0, 10_000_000),
    "running_proof_seconds": between(0, 86_400),
    "payout_rail": one_of(PAYOUT_RAILS),
    "sandbox_payout_rail": one_of(SANDBOX_PAYOUT_RAILS),
    "payout_sender_name": parse_holder,
    "payout_sender_iban": parse_iban,
    "metrics_token": bearer_token,
    "otlp_endpoint": origin,
}
if PARSERS.keys() != {setting.name for setting in setting_fields()}:  # one line short is a bug found at import
    raise TypeError("every setting needs a parser")

LISTS: Final = frozenset(name for name, parse in PARSERS.items() if isinstance(parse, ListOf))
"""Settings that may have several values."""

SECRETS: Final = tuple(
    setting.name for setting in setting_fields() if not setting.repr and setting.name not in _MASTER_KEYS
)
"""Settings that may be in a file instead, which `NAME_file` names, or be printed by a command, `NAME_command`."""


def ways_of(setting: str) -> tuple[str, ...]:
    """The names under which a setting may be given: its own; of secrets those with `_file` and `_command`, too."""
    return (setting, f"{setting}_file", f"{setting}_command") if setting in SECRETS else (setting,)


_GROUPS: Final = (*(ways_of(name) for name in PARSERS if name not in _MASTER_KEYS), _MASTER_KEYS)
"""Names of which a place gives one at most; the environment's counts instead of any in the file."""

NAMES: Final = tuple(name for group in _GROUPS for name in group)
"""All names under which something may be given."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Texts by the names under which they are given in one place."""

    name: str
    given: Mapping[str, str]

    def label(self, name: str) -> str:
        """What to call a name, so that whoever wrote it finds it."""
        return variable_name(name) if self.name == ENVIRONMENT else f"{name} in {self.name}"


@dataclass(slots=True)
class _Reading:
    """What was understood so far, by setting: its value, where it stands, and under which name; and what is wrong."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, _Place] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def take(self, group: tuple[str, ...], places: tuple[_Place, ...]) -> None:
        """Read what the first place says that says anything of these names."""
        for place in places:
            names = [name for name in group if place.given.get(name)]
            if len(names) > 1:
                what = "master key" if group == _MASTER_KEYS else "secret"
                labels = " and ".join(place.label(name) for name in names)
                self.problems.append(f"{labels} are two sources of one {what}; give one")
            elif names:
                self._read(names[0], group, place)
            if names:
                return

    def _read(self, name: str, group: tuple[str, ...], place: _Place) -> None:
        setting = name if group == _MASTER_KEYS else group[0]
        self.places[setting], self.names[setting] = place, name
        try:
            text = place.given[name]
            if setting != name:
                text = _kept_elsewhere(name.removeprefix(f"{setting}_"), text)
            self.values[setting] = PARSERS[setting](text)
        except ValueError as error:
            self.problems.append(f"{place.label(name)}: {error}")

    def origin(self, setting: str) -> Origin:
        """Where a setting was read that was understood."""
        place, name = self.places[setting], self.names[setting]
        file = Path(place.given[name]).expanduser() if name == f"{setting}_file" else None
        return Origin(place.name, name, self.values[setting], file)

    def check_together(self) -> None:
        """Note what is given and does not go together."""
        for setting, needed in _NEEDS.items():
            if setting in self.places and needed not in self.places:
                place = self.places[setting]
                self.problems.append(f"{place.label(setting)} needs {_label_beside(place, needed)}")
        rails = [name for name in ("payout_rail", "sandbox_payout_rail") if self.values.get(name) == "file"]
        missing = [name for name in ("payout_sender_name", "payout_sender_iban") if name not in self.places]
        if rails and missing:
            place = self.places[rails[0]]
            self.problems.append(f"files of payouts need {' and '.join(_label_beside(place, one) for one in missing)}")


def from_environment(environ: Mapping[str, str], file: ConfigurationFile | None = None) -> Settings:
    """Read the `TALLYSTICK_…` variables of `environ`, and of `file` what they do not say; an empty text counts as none.

    Blocks where secrets are told by commands. Raises SettingsError: a malformed value, or a name that we do not know
    (a misspelt setting must not pass silently).
    """
    reading = _reading(environ, file)
    if reading.problems:
        raise SettingsError(reading.problems[0])
    values = reading.values
    origins = {name: reading.origin(name) for name in reading.places}
    if values.get("log_format") == "json":
        values.setdefault("log_requests", True)
    if "smtp_url" in values:  # a letter can be answered: who does not is perhaps not who they say
        values.setdefault("require_verified_email", True)
        values.setdefault("mailed_codes", "guests")
    return Settings(**values, origins=origins)


def problems_of(environ: Mapping[str, str], file: ConfigurationFile | None) -> list[str]:
    """All that `from_environment` would refuse, one after the other."""
    return _reading(environ, file).problems


def _reading(environ: Mapping[str, str], file: ConfigurationFile | None) -> _Reading:
    variables = {variable_name(name): name for name in NAMES}
    given = {key: text.strip() for key, text in environ.items() if key.startswith(PREFIX)}
    places = [_Place(ENVIRONMENT, {variables[key]: text for key, text in given.items() if key in variables})]
    reading = _Reading()
    unknown = given.keys() - variables.keys() - _NO_SETTINGS
    if misspelt := sorted(key for key in unknown if not key.startswith(TEST_PREFIX)):
        reading.problems.append(unknown_settings(misspelt, sorted(variables)))
    if file is not None:
        place = _Place(str(file.path), file.texts(LISTS))
        if misspelt := sorted(place.given.keys() - set(NAMES)):
            reading.problems.append(f"{file.path}: {unknown_settings(misspelt, sorted(NAMES))}")
        reading.problems += file.exposure(SECRETS)
        places.append(place)
    for group in _GROUPS:
        reading.take(group, tuple(places))
    reading.check_together()
    return reading


def unknown_settings(unknown: Sequence[str], known: Sequence[str]) -> str:
    """What to say of settings that nobody reads: which ones were meant, or else which ones there are.

    What begins the name of every variable makes no two of them alike.
    """
    whole = {name.removeprefix(PREFIX): name for name in known}
    meant = [closest(one.removeprefix(PREFIX), whole) for one in unknown]
    told = ", ".join(
        one if other is None else f"{one} (did you mean {whole[other]}?)"
        for one, other in zip(unknown, meant, strict=True)
    )
    return f"unknown setting {told}" + (f"; known are {', '.join(known)}" if None in meant else "")


def _kept_elsewhere(way: str, text: str) -> str:
    """The secret in a `file`, or what a `command` prints; `way`: which of the two. Raises ValueError."""
    if way == "file":
        found = file_content(text)
    else:
        command = parse_command(text)
        try:
            found = told_by(command).strip()
        except ValueError as error:
            raise ValueError(f"the command {error}") from None
    if not found:
        raise ValueError(f"{text} is empty" if way == "file" else "the command printed nothing")
    return found


def _label_beside(place: _Place, name: str) -> str:
    """What to call a setting that is lacking, in the words of where another one is given."""
    return variable_name(name) if place.name == ENVIRONMENT else name


def variable_of_rail(environment: str, method: Method) -> str:
    """The environment variable that chooses the rail for one kind of payment method."""
    return variable_name(f"{environment}_{'card' if method is Method.CC else 'bank'}_rail")


def variable_name(setting: str) -> str:
    """The environment variable of a setting: TALLYSTICK_PORT for `port`."""
    return PREFIX + setting.upper()
