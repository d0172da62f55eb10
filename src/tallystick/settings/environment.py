"""Settings are read once, from the variables of the environment; `docs/settings.md` is their table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final, TypeVar

from tallystick.domain.banking.bank_accounts import parse_holder, parse_iban
from tallystick.domain.commands import Method
from tallystick.domain.names.spelling import closest
from tallystick.settings.master_key import parse_command, parse_master_key
from tallystick.settings.parsers import (
    RAILS,
    absolute_path,
    amount,
    bank_debit,
    bearer_token,
    between,
    contact,
    database_url,
    existing_file,
    file_content,
    host_name,
    hsts,
    list_of,
    live_rail,
    mail_from,
    network,
    one_of,
    origin,
    route_limit,
    smtp_url,
    stripe_key,
    stripe_test_key,
    switch,
)
from tallystick.settings.values import Settings, SettingsError

Parsed = TypeVar("Parsed")

PREFIX: Final = "TALLYSTICK_"
TEST_PREFIX: Final = "TALLYSTICK_TEST_"
_OF_DEVELOPERS: Final = frozenset({"TALLYSTICK_COMPILE", "TALLYSTICK_LONG_TESTS"})
"""What installation and tests read: no settings of the service, but no misspelt ones either."""

_SOURCES: Final = ("master_key", "master_key_command", "master_key_file")
LOG_FORMATS: Final = ("console", "json")
REFERENCE_REUSE: Final = ("never", "after-seven-days")
SECOND_FACTOR_OF: Final = ("operators", "owners", "both", "nobody")
PAYOUT_RAILS: Final = ("manual", "file", "recorded")
SANDBOX_PAYOUT_RAILS: Final = ("simulated", *PAYOUT_RAILS)
LOG_LEVELS: Final = ("debug", "info", "warning", "error")

_NEEDS: Final[Mapping[str, str]] = {
    "owner_database_url": "database_url",
    "smtp_url": "mail_from",
    "stripe_webhook_secret": "stripe_secret_key",
    "stripe_test_webhook_secret": "stripe_test_secret_key",
}
"""Settings that say nothing without another one."""

BY_FILE: Final = frozenset(
    {"stripe_secret_key", "stripe_test_secret_key", "stripe_test_webhook_secret", "stripe_webhook_secret"}
)
"""Settings that may be in a file instead, which a second variable names, with `_FILE` at its end."""

PARSERS: Final[Mapping[str, Callable[[str], object]]] = {
    "data_directory": absolute_path,
    "database_url": database_url,
    "owner_database_url": database_url,
    "host": str,
    "port": between(1, 65_535),
    "public_url": origin,
    "allowed_hosts": list_of(host_name),
    "hsts": hsts,
    "staff_url": origin,
    "staff_networks": list_of(network),
    "security_contact": list_of(contact),
    "master_key": parse_master_key,
    "master_key_command": parse_command,
    "master_key_file": existing_file,
    "further_master_keys": list_of(parse_master_key),
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
    "unverified_spending_limit": amount,
    "unverified_receiving_limit": amount,
    "tolerate_unknown_parameters": switch,
    "log_format": one_of(LOG_FORMATS),
    "log_level": one_of(LOG_LEVELS),
    "fee_schedule_file": existing_file,
    "smtp_url": smtp_url,
    "mail_from": mail_from,
    "confirm_within_minutes": between(1, 120),
    "step_up_minutes": between(1, 120),
    "require_second_factor": one_of(SECOND_FACTOR_OF),
    "reverse_proxies": between(0, 10),
    "max_connections": between(16, 60_000),
    "max_connections_per_address": between(0, 60_000),
    "calls_per_second": between(0, 100_000),
    "requests_per_second_per_address": between(0, 100_000),
    "requests_per_minute_by_route": list_of(route_limit),
    "verify_every_hours": between(0, 8_760),
    "remembered_balances": between(0, 10_000_000),
    "running_proof_seconds": between(0, 86_400),
    "payout_rail": one_of(PAYOUT_RAILS),
    "sandbox_payout_rail": one_of(SANDBOX_PAYOUT_RAILS),
    "payout_sender_name": parse_holder,
    "payout_sender_iban": parse_iban,
    "metrics_token": bearer_token,
}
if PARSERS.keys() != {setting.name for setting in fields(Settings)}:  # one line short is a bug found at import
    raise TypeError("every setting needs a parser")


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Read the `TALLYSTICK_…` variables of `environ`; an empty variable counts as not set.

    Raises SettingsError: a malformed value, or a variable we do not know (a misspelt setting must not pass silently).
    """
    known = {variable_name(name): name for name in PARSERS}
    given = {key: value.strip() for key, value in environ.items() if key.startswith(PREFIX)}
    allowed = known.keys() | _OF_DEVELOPERS | {file_variable(name) for name in BY_FILE}
    unknown = sorted(key for key in given if key not in allowed and not key.startswith(TEST_PREFIX))
    if unknown:
        raise SettingsError(unknown_settings(unknown, sorted(allowed)))

    values: dict[str, Any] = {}
    for key, name in known.items():
        if text := given.get(key):
            values[name] = _read(key, PARSERS[name], text)
    for name in sorted(BY_FILE):
        key = file_variable(name)
        if path := given.get(key):
            if name in values:
                raise SettingsError(f"{variable_name(name)} and {key} are two sources of one secret; give one")
            values[name] = _read(key, PARSERS[name], _read(key, file_content, path))
    _check_together(values)
    if "smtp_url" in values:  # a letter can be answered: who does not is perhaps not who they say
        values.setdefault("require_verified_email", True)
    return Settings(**values)


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


def _check_together(values: Mapping[str, object]) -> None:
    """Raises SettingsError: what is given does not go together."""
    sources = [name for name in _SOURCES if name in values]
    if len(sources) > 1:
        raise SettingsError(f"{' and '.join(map(variable_name, sources))} are two sources of one master key; give one")
    for setting, needed in _NEEDS.items():
        if setting in values and needed not in values:
            raise SettingsError(f"{variable_name(setting)} needs {variable_name(needed)}")
    _check_payouts(values)


def _read(variable: str, parse: Callable[[str], Parsed], text: str) -> Parsed:
    try:
        return parse(text)
    except ValueError as error:
        raise SettingsError(f"{variable}: {error}") from None


def file_variable(setting: str) -> str:
    """The environment variable that names a file with a secret: for those of BY_FILE."""
    return f"{variable_name(setting)}_FILE"


def variable_of_rail(environment: str, method: Method) -> str:
    """The environment variable that chooses the rail for one kind of payment method."""
    return variable_name(f"{environment}_{'card' if method is Method.CC else 'bank'}_rail")


def _check_payouts(values: Mapping[str, Any]) -> None:
    """Files of payouts name the account that they leave. Raises SettingsError."""
    missing = [name for name in ("payout_sender_name", "payout_sender_iban") if name not in values]
    if missing and "file" in {values.get("payout_rail"), values.get("sandbox_payout_rail")}:
        raise SettingsError(f"files of payouts need {' and '.join(map(variable_name, missing))}")


def variable_name(setting: str) -> str:
    """The environment variable of a setting: TALLYSTICK_PORT for `port`."""
    return PREFIX + setting.upper()
