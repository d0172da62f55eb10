"""Every setting, read once from the environment into a frozen value; `docs/settings.md` is their table."""

import base64
import binascii
import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import urlsplit

import platformdirs

from tallystick.domain.money import parse_amount

PREFIX: Final = "TALLYSTICK_"
TEST_PREFIX: Final = "TALLYSTICK_TEST_"
_OF_DEVELOPERS: Final = frozenset({"TALLYSTICK_COMPILE", "TALLYSTICK_LONG_TESTS"})
"""What installation and tests read: no settings of the service, but no misspelt ones either."""
MASTER_KEY_BYTES: Final = 32

_TOKEN: Final = re.compile(r"[\x21-\x7e]{16,}")
_HOST: Final = re.compile(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]")
_HSTS: Final = re.compile(r"max-age=[0-9]{1,10}(?:; ?includeSubDomains)?(?:; ?preload)?")
_CONTACT: Final = re.compile(r"mailto:[^\s@]+@[^\s@]+|https://[!-~]+")
_MAIL_FROM: Final = re.compile(r"(?:[^<>@\x00-\x1f]+<[^\s<>@]+@[^\s<>@]+>)|(?:[^\s<>@]+@[^\s<>@]+)")

MAX_CONNECTIONS: Final = 4_096
MAX_CONNECTIONS_PER_ADDRESS: Final = 512

LOG_FORMATS: Final = ("console", "json")
REFERENCE_REUSE: Final = ("never", "after-seven-days")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")


Network: TypeAlias = IPv4Network | IPv6Network
Item = TypeVar("Item")


class SettingsError(Exception):
    """A setting is missing, malformed or unknown; the message names it and says what is allowed."""


def _default_data_directory() -> Path:
    return platformdirs.user_data_path("tallystick", appauthor=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The configuration of one process. The variable of `worker_interval_ms` is TALLYSTICK_WORKER_INTERVAL_MS.

    Attributes:
        data_directory: where the embedded database and the master key live; ours alone (mode 0700).
        database_url: a PostgreSQL server (15 or newer) as `postgresql://…`; None starts the embedded one.
        host: the address that the service listens on.
        port: the TCP port that the service listens on.
        public_url: the service as its users reach it, without a slash at the end: in links and as the place of
            certificates. With https, cookies are marked Secure. Empty: `http://127.0.0.1:<port>`.
        allowed_hosts: names besides those of `public_url` and `staff_url` under which pages are answered; None: no
            other, and any where `public_url` names this machine itself.
        hsts: the header Strict-Transport-Security of every answer where `public_url` has https.
        staff_url: the address at which alone console and operator's pages are answered, without a slash at the end.
            None: `public_url` has them too.
        staff_networks: the networks from which alone console and operator's pages are answered; None: from anywhere.
        security_contact: where to report weaknesses, as `mailto:` or https addresses, for `/.well-known/security.txt`;
            None: there is no such page.
        master_key: 32 bytes that encrypt the secrets in the database; None: the file `master.key`.
        timestamp_skew_seconds: how far the timestamp of a signed request may be from our clock, either way.
        clock_tolerance_seconds: how far our clock may be from the database's before no money moves.
        rail_delay_ms: how long the simulated rail leaves a payment Pending.
        sandbox_faults: the simulated failures by token id and by amount are active in sandbox books.
        worker_interval_ms: how often the worker looks for work.
        notification_timeout_ms: how long a receiver of a notification may take to answer.
        notification_lifetime_hours: how long after the event a notification is tried again.
        keep_notifications_days: how long events that arrived, or that nobody wanted, stay in the delivery log.
        reference_reuse: `never`: a CallerReference that was paid with is spent for ever. `after-seven-days`: it may be
            used again then, as the original service had it.
        keep_requests_days: how long signed requests stay readable as they came; 0: none is kept.
        allow_private_notification_targets: notifications may go to addresses that are not public, such as this machine.
        allow_unsigned_cobranded: accept Co-Branded requests without a signature, as the oldest clients send them.
        allow_weak_soap_signatures: accept SOAP requests signed with SHA-1, or without their Timestamp, as the oldest
            clients send them.
        allow_signature_v1: accept calls, links and messages signed by the first scheme, without verb and path.
        allow_signature_v0: accept API calls signed by the oldest scheme, which signs action and time only.
        verify_signature_for_anyone: a signed VerifySignature tells Success also of messages about what the caller takes
            no part in, as the original service did.
        require_verified_email: payments need verified e-mail addresses of caller, sender and recipient; the hosted
            pages ask for the code from a letter, and accounts open with it. On unless it says otherwise as soon as
            `smtp_url` is set.
        require_verified_accounts: real money needs verified accounts on both sides, and verified bank accounts.
        unverified_spending_limit: the most, in micro-units, that one payment may take from an account not verified.
        unverified_receiving_limit: the most, in micro-units, that is held for an account not verified.
        tolerate_unknown_parameters: ignore parameters that an action does not know instead of refusing the request.
        log_format: `console` for people, `json` for machines.
        log_level: the least urgent level that is logged.
        fee_schedule_file: a fee schedule to use instead of the shipped one.
        smtp_url: the server that takes mail, as `smtp://user:password@host:587` (STARTTLS) or `smtps://…` (TLS at
            once). None: mail stays where operators can read it.
        mail_from: the sender's address of that mail.
        confirm_within_minutes: how long after password or passkey somebody may agree to a charge without another one.
        reverse_proxies: how many proxies of ours stand before the service and name the client in X-Forwarded-For.
        max_connections: how many connections clients may hold to one process; the idle are closed first.
        max_connections_per_address: how many of them from one address, where that is not a proxy's; 0: no limit.
        calls_per_second: how many calls one access key or certificate may make of one process; 0: no limit.
        requests_per_second_per_address: how many requests one address may send to one process, where it is known; one
            that begins a visit or signs in counts as ten. 0: no limit.
        verify_every_hours: how often the worker proves the books by itself; 0: only when somebody asks.
        metrics_token: whoever sends it as a bearer token may read `/metrics`. None: this machine alone may.
    """

    data_directory: Path = field(default_factory=_default_data_directory)
    database_url: str | None = field(default=None, repr=False)  # may hold a password
    host: str = "127.0.0.1"
    port: int = 8400
    public_url: str = ""
    allowed_hosts: tuple[str, ...] | None = None
    hsts: str = "max-age=31536000"
    staff_url: str | None = None
    staff_networks: tuple[Network, ...] | None = None
    security_contact: tuple[str, ...] | None = None
    master_key: bytes | None = field(default=None, repr=False)
    timestamp_skew_seconds: int = 900
    clock_tolerance_seconds: int = 5
    rail_delay_ms: int = 1000
    sandbox_faults: bool = True
    worker_interval_ms: int = 200
    notification_timeout_ms: int = 10_000
    notification_lifetime_hours: int = 24
    keep_notifications_days: int = 90
    reference_reuse: str = "never"
    keep_requests_days: int = 30
    allow_private_notification_targets: bool = False
    allow_unsigned_cobranded: bool = False
    allow_weak_soap_signatures: bool = False
    allow_signature_v1: bool = False
    allow_signature_v0: bool = False
    verify_signature_for_anyone: bool = False
    require_verified_email: bool = False
    require_verified_accounts: bool = False
    unverified_spending_limit: int | None = None
    unverified_receiving_limit: int | None = None
    tolerate_unknown_parameters: bool = False
    log_format: str = "console"
    log_level: str = "info"
    fee_schedule_file: Path | None = None
    smtp_url: str | None = field(default=None, repr=False)  # may hold a password
    mail_from: str | None = None
    confirm_within_minutes: int = 15
    reverse_proxies: int = 0
    max_connections: int = MAX_CONNECTIONS
    max_connections_per_address: int = MAX_CONNECTIONS_PER_ADDRESS
    calls_per_second: int = 0
    requests_per_second_per_address: int = 0
    verify_every_hours: int = 0
    metrics_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.public_url:
            object.__setattr__(self, "public_url", f"http://127.0.0.1:{self.port}")

    @property
    def secure_cookies(self) -> bool:
        """Whether browsers reach us over https only."""
        return self.public_url.startswith("https://")

    @property
    def consent_needs_verified_email(self) -> bool:
        """Whether consents and passkeys need a verified address: wherever a letter can be answered."""
        return self.require_verified_email or self.smtp_url is not None

    @property
    def master_key_file(self) -> Path:
        """Where the master key is kept when no setting gives it."""
        return self.data_directory / "master.key"


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Read the `TALLYSTICK_…` variables of `environ`; an empty variable counts as not set.

    Raises SettingsError: a malformed value, or a variable we do not know (a misspelt setting must not pass silently).
    """
    known = {variable_name(name): name for name in PARSERS}
    given = {key: value.strip() for key, value in environ.items() if key.startswith(PREFIX)}
    allowed = known.keys() | _OF_DEVELOPERS
    unknown = sorted(key for key in given if key not in allowed and not key.startswith(TEST_PREFIX))
    if unknown:
        raise SettingsError(f"unknown setting {', '.join(unknown)}; known are {', '.join(sorted(known))}")

    values: dict[str, Any] = {}
    for key, name in known.items():
        if text := given.get(key):
            try:
                values[name] = PARSERS[name](text)
            except ValueError as error:
                raise SettingsError(f"{key}: {error}") from None
    if "smtp_url" in values and "mail_from" not in values:
        raise SettingsError(f"{variable_name('smtp_url')} needs {variable_name('mail_from')}")
    if "smtp_url" in values:  # a letter can be answered: who does not is perhaps not who they say
        values.setdefault("require_verified_email", True)
    return Settings(**values)


def variable_name(setting: str) -> str:
    """The environment variable of a setting: TALLYSTICK_PORT for `port`."""
    return PREFIX + setting.upper()


def has_master_key(settings: Settings) -> bool:
    """Whether there is a master key already."""
    return settings.master_key is not None or settings.master_key_file.exists()


def load_master_key(settings: Settings) -> bytes:
    """The 32 bytes of the master key; made on first use when no setting gives it. Processes may call this at once.

    Raises SettingsError: the key file is damaged, cannot be read or made, or others may read it.
    """
    if settings.master_key is not None:
        return settings.master_key
    path = settings.master_key_file
    try:
        if not path.exists():
            _create_master_key(path)
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{path} may be read by other users; run: chmod 600 {path}")
        return _parse_master_key(path.read_text("ascii").strip())
    except OSError as error:
        raise SettingsError(f"the master key {path} can be neither read nor made: {error.strerror}") from None
    except (ValueError, UnicodeDecodeError):
        raise SettingsError(f"{path} is damaged: it should hold 32 bytes in base64") from None


def _create_master_key(path: Path) -> None:
    """Write a whole key under another name and link it into place: nobody ever sees half a key, or two of them."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(MASTER_KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was faster: its key is the key
            os.link(draft, path)
    finally:
        draft.unlink()


def _parse_master_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        raise ValueError("must be 32 bytes in base64, such as `openssl rand -base64 32` prints")
    return key


def _parse_path(text: str) -> Path:
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"names a home directory that does not exist: {text!r}") from None
    if not path.is_absolute():
        raise ValueError(f"must be an absolute path, not {text!r}")
    return path


def _parse_file(text: str) -> Path:
    path = _parse_path(text)
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


def _parse_database_url(text: str) -> str:
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("must start with postgresql://")  # not quoted back: it may hold a password
    return text


def _parse_public_url(text: str) -> str:
    parts = urlsplit(text)
    more = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in {"http", "https"} or not parts.hostname or more:
        raise ValueError(f"must be an http or https address without a path or a query, not {text!r}")
    return text.rstrip("/")


def _parse_host(text: str) -> str:
    if _HOST.fullmatch(text) is None:
        raise ValueError(f"must be names of hosts, such as pay.example.com, without ports; not {text!r}")
    return text.lower()


def _parse_hsts(text: str) -> str:
    if _HSTS.fullmatch(text) is None:
        raise ValueError(f"must be such as `max-age=63072000; includeSubDomains; preload`, not {text!r}")
    return text


def _parse_network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError(f"must be networks such as 10.1.0.0/16, not {text!r}") from None


def _parse_contact(text: str) -> str:
    if _CONTACT.fullmatch(text) is None:
        raise ValueError(f"must be mailto: or https addresses, not {text!r}")
    return text


def _parse_smtp_url(text: str) -> str:
    parts = urlsplit(text)
    with suppress(ValueError):  # of a port that is no number
        if parts.scheme in {"smtp", "smtps"} and parts.hostname and parts.port != 0 and not parts.path.strip("/"):
            return text
    raise ValueError("must be smtp:// or smtps:// with a host")  # not quoted back: it may hold a password


def _parse_mail_from(text: str) -> str:
    if _MAIL_FROM.fullmatch(text) is None:
        raise ValueError(f"must be an address such as payments@example.com, not {text!r}")
    return text


def _parse_token(text: str) -> str:
    if _TOKEN.fullmatch(text) is None:
        raise ValueError("must be 16 characters or more, without blanks")  # not quoted back: it is a secret
    return text


def _parse_switch(text: str) -> bool:
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off"}:
        return False
    raise ValueError(f"must be true or false, not {text!r}")


def _parse_amount(text: str) -> int:
    try:
        return parse_amount(text)
    except ValueError:
        raise ValueError(f"must be an amount such as 250.00, not {text!r}") from None


def _between(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and minimum <= int(text) <= maximum):
            raise ValueError(f"must be a whole number from {minimum} to {maximum}, not {text!r}")
        return int(text)

    return parse


def _list_of(parse: Callable[[str], Item]) -> Callable[[str], tuple[Item, ...]]:
    def parse_all(text: str) -> tuple[Item, ...]:
        return tuple(parse(item.strip()) for item in text.split(","))

    return parse_all


def _one_of(allowed: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}, not {text!r}")
        return text.lower()

    return parse


PARSERS: Final[Mapping[str, Callable[[str], object]]] = {
    "data_directory": _parse_path,
    "database_url": _parse_database_url,
    "host": str,
    "port": _between(1, 65_535),
    "public_url": _parse_public_url,
    "allowed_hosts": _list_of(_parse_host),
    "hsts": _parse_hsts,
    "staff_url": _parse_public_url,
    "staff_networks": _list_of(_parse_network),
    "security_contact": _list_of(_parse_contact),
    "master_key": _parse_master_key,
    "timestamp_skew_seconds": _between(0, 86_400),
    "clock_tolerance_seconds": _between(1, 3_600),
    "rail_delay_ms": _between(0, 86_400_000),
    "sandbox_faults": _parse_switch,
    "worker_interval_ms": _between(10, 60_000),
    "notification_timeout_ms": _between(100, 60_000),
    "notification_lifetime_hours": _between(1, 720),
    "keep_notifications_days": _between(1, 3_650),
    "reference_reuse": _one_of(REFERENCE_REUSE),
    "keep_requests_days": _between(0, 365),
    "allow_private_notification_targets": _parse_switch,
    "allow_unsigned_cobranded": _parse_switch,
    "allow_weak_soap_signatures": _parse_switch,
    "allow_signature_v1": _parse_switch,
    "allow_signature_v0": _parse_switch,
    "verify_signature_for_anyone": _parse_switch,
    "require_verified_email": _parse_switch,
    "require_verified_accounts": _parse_switch,
    "unverified_spending_limit": _parse_amount,
    "unverified_receiving_limit": _parse_amount,
    "tolerate_unknown_parameters": _parse_switch,
    "log_format": _one_of(LOG_FORMATS),
    "log_level": _one_of(LOG_LEVELS),
    "fee_schedule_file": _parse_file,
    "smtp_url": _parse_smtp_url,
    "mail_from": _parse_mail_from,
    "confirm_within_minutes": _between(1, 120),
    "reverse_proxies": _between(0, 10),
    "max_connections": _between(16, 60_000),
    "max_connections_per_address": _between(0, 60_000),
    "calls_per_second": _between(0, 100_000),
    "requests_per_second_per_address": _between(0, 100_000),
    "verify_every_hours": _between(0, 8_760),
    "metrics_token": _parse_token,
}
if PARSERS.keys() != {setting.name for setting in fields(Settings)}:  # one line short is a bug found at import
    raise TypeError("every setting needs a parser")
