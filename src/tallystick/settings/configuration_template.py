"""A configuration file in which every setting stands, explained and commented out, as `tallystick init` writes it."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tallystick.settings.environment import PREFIX, SECRETS
from tallystick.settings.meanings import meanings
from tallystick.settings.values import Settings, SettingsError, setting_fields

_WIDTH: Final = 100
MODE: Final = 0o600
"""Of a new file: it may come to hold passwords."""

_HEAD: Final = f"""\
# Settings of Tallystick. What a variable of the environment says counts instead: {PREFIX}PORT for `port`.
# Take the # from a line to set it. `tallystick config check` says whether all is right, `tallystick config show` what
# counts and where it comes from. Passwords and keys need not stand here: NAME_file names a file with one, NAME_command
# a command that prints it, where such a line is shown.
"""

_HEADINGS: Final[Mapping[str, str]] = {
    "data_directory": "The data",
    "host": "Where it is reached",
    "master_key": "The key that seals the secrets in the database",
    "timestamp_skew_seconds": "Clocks",
    "rail_delay_ms": "Rails: where cards and bank accounts are charged",
    "worker_interval_ms": "The worker, and notifications",
    "reference_reuse": "Requests",
    "require_verified_email": "Who may pay and be paid, and how much",
    "log_format": "Logs",
    "fee_schedule_file": "Fees",
    "smtp_url": "Mail",
    "confirm_within_minutes": "Signing in",
    "reverse_proxies": "Proxies and limits",
    "verify_every_hours": "Proofs of the books",
    "payout_rail": "Payouts",
    "metrics_token": "Metrics and traces",
}
"""What comes, before its first setting."""

_AGAIN_NONE: Final = re.compile(r"(?<=; )None\b")

_EXAMPLES: Final[Mapping[str, str]] = {
    "data_directory": '"/var/lib/tallystick"',
    "database_url": '"postgresql://tallystick@db.example/tallystick"',
    "owner_database_url": '"postgresql://tallystick_owner@db.example/tallystick"',
    "public_url": '"https://pay.example.com"',
    "allowed_hosts": '["fps.example.com"]',
    "staff_url": '"https://staff.example.com"',
    "staff_networks": '["10.1.0.0/16", "192.0.2.7/32"]',
    "security_contact": '["mailto:security@example.com"]',
    "operator_name": '"Example Payments"',
    "imprint_url": '"https://example.com/imprint"',
    "terms_url": '"https://example.com/terms"',
    "privacy_url": '"https://example.com/privacy"',
    "smallest_charge": '"0.01"',
    "master_key_command": '["kms", "decrypt", "tallystick"]',
    "master_key_file": '"/run/secrets/master.key"',
    "unverified_spending_limit": '"250.00"',
    "unverified_receiving_limit": '"1000.00"',
    "redeem_balances_below": '"10.00"',
    "fee_schedule_file": '"/etc/tallystick/fees.toml"',
    "smtp_url": '"smtp://mail.example:587"',
    "mail_from": '"Example Payments <payments@example.com>"',
    "requests_per_minute_by_route": '["api=600", "batch=60", "start=30", "sign-in=20"]',
    "payout_sender_name": '"Example Payments"',
    "otlp_endpoint": '"http://127.0.0.1:4318"',
    "payout_sender_iban": '"DE89370400440532013000"',
}
"""What stands where a setting has no default."""


def template(data_directory: Path | None = None) -> str:
    """The text of a file. `data_directory` is set in it, where it is given."""
    return "\n".join([_HEAD, *_lines(data_directory)])


def write_template(path: Path, text: str) -> None:
    """Write a new file, whole or not at all. Raises SettingsError: there is one already, or it cannot be made."""
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with open(path, "x", encoding="utf-8", opener=_closed) as file:
            file.write(text)
    except FileExistsError:
        raise SettingsError(f"{path} is there already; it stays as it is") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}") from None


def _closed(path: str, flags: int) -> int:
    return os.open(path, flags, MODE)


def _lines(data_directory: Path | None) -> Iterator[str]:
    meant, plain = meanings(), Settings()
    for setting in setting_fields():
        name = setting.name
        if heading := _HEADINGS.get(name):
            yield f"\n# ---- {heading} ----\n"
        yield from textwrap.wrap(_in_words(meant[name]), _WIDTH, initial_indent="# ", subsequent_indent="# ")
        if name == "data_directory" and data_directory is not None:
            yield "# Set, since the usual place is another one for each user of the machine.\n"
            yield f"{name} = {_toml(str(data_directory))}\n"
        else:
            yield from _commented(name, getattr(plain, name))


def _in_words(meaning: str) -> str:
    """The values of the program in the words of the file."""
    return _AGAIN_NONE.sub("not set", meaning).replace("None", "Not set")


def _commented(name: str, usual: object) -> Iterator[str]:
    if name in SECRETS:
        if name in _EXAMPLES:
            yield f"#{name} = {_EXAMPLES[name]}"
        yield f'#{name}_file = "/run/secrets/{name}"'
        yield f'#{name}_command = ["print-secret", "{name}"]\n'
    elif name == "master_key":
        yield '#master_key = ""\n'
    else:
        yield f"#{name} = {_EXAMPLES.get(name) or _toml(usual)}\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    text = "" if value is None else str(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
