"""What one process is configured with: a frozen value, its defaults, and what follows from them."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Final, TypeAlias

import platformdirs

from tallystick.domain.commands import Method

MAX_CONNECTIONS: Final = 4_096
MAX_CONNECTIONS_PER_ADDRESS: Final = 512

Network: TypeAlias = IPv4Network | IPv6Network


ENVIRONMENT: Final = "environment"
"""The place of what a variable says."""


class SettingsError(Exception):
    """A setting is missing, malformed or unknown; the message names it and says what is allowed."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was read. `place`: ENVIRONMENT, or the path of the file; `name`: the one that it has there.

    `value` is what was read; `file`: a file of its own that a secret was read from.
    """

    place: str
    name: str
    value: object = field(repr=False)  # may be a secret
    file: Path | None = None


def _default_data_directory() -> Path:
    return platformdirs.user_data_path("tallystick", appauthor=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The configuration of one process. The variable of `worker_interval_ms` is TALLYSTICK_WORKER_INTERVAL_MS.

    Attributes:
        data_directory: where the embedded database and the master key live; ours alone (mode 0700).
        database_url: a PostgreSQL server (15 or newer) as `postgresql://…`; None starts the embedded one.
        owner_database_url: the same database by the role that owns the tables, for migrations; None: the role of
            `database_url` does everything.
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
        operator_name: who runs the service, as its pages name them; None: Tallystick.
        imprint_url: a page that says who that is, where a law asks for it; None: no link to one.
        terms_url: the terms under which buyers use the pages; None: no link to them.
        privacy_url: what becomes of people's data; None: no link to that.
        master_key: 32 bytes that encrypt the secrets in the database; None: the command or the file.
        master_key_command: a command that prints them, in its words; None: the file.
        master_key_file: where they are kept; None: `master.key` in the data directory, made on first use.
        further_master_keys: more keys that are known, while one is exchanged for another.
        timestamp_skew_seconds: how far the timestamp of a signed request may be from our clock, either way.
        clock_tolerance_seconds: how far our clock may be from the database's before no money moves.
        rail_delay_ms: how long the simulated rail leaves a payment Pending.
        sandbox_card_rail: where new cards of sandbox books are set up: `simulated`, `stripe` or `none`.
        sandbox_bank_rail: where new bank accounts of sandbox books are set up.
        live_card_rail: where new cards of live books are set up: `stripe` or `none`, never `simulated`.
        live_bank_rail: where new bank accounts of live books are set up.
        sandbox_faults: the simulated failures by token id and by amount are active in sandbox books.
        stripe_secret_key: of the account at Stripe; `sk_live_…` for live books, `sk_test_…` for sandbox ones.
            None: there is no such rail.
        stripe_webhook_secret: signs the events that Stripe sends for that key. None: all are refused.
        stripe_test_secret_key: one of test mode beside a live one, for sandbox books.
        stripe_test_webhook_secret: signs the events of test mode.
        stripe_api_base: where Stripe is.
        stripe_bank_debit: which bank accounts Stripe takes: `us_bank_account`, or `none`.
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
        smallest_charge: the least, in micro-units, that one payment may be in books that are opened from now on; None:
            a millionth in a sandbox, a cent in live books. Sellers change their own.
        unverified_spending_limit: the most, in micro-units, that one payment may take from an account not verified.
        unverified_receiving_limit: the most, in micro-units, that is held for an account not verified.
        redeem_balances_below: balances of less than so much, in micro-units, are paid back when their buyers ask for
            it, whatever the seller chose, as laws about small balances want. None: there is no such law.
        tolerate_unknown_parameters: ignore parameters that an action does not know instead of refusing the request.
        log_format: `console` for people, `json` for machines.
        log_level: the least urgent level that is logged.
        log_requests: each call of an API is logged. On unless it says otherwise where `log_format` is `json`.
        fee_schedule_file: a fee schedule to use instead of the shipped one.
        smtp_url: the server that takes mail, as `smtp://user:password@host:587` (STARTTLS) or `smtps://…` (TLS at
            once). None: mail stays where operators can read it.
        mail_from: the sender's address of that mail.
        confirm_within_minutes: how long after password or passkey somebody may agree to a charge without another one.
        step_up_minutes: how long after password, code or passkey somebody may do what matters without another proof.
        mailed_codes: who goes on in a visit with a code from a letter instead of a password: `nobody`; `guests`, who
            have no account yet or one without a password; or all `buyers` whose address is verified. An app is asked
            for all the same. `guests` unless it says otherwise as soon as `smtp_url` is set.
        require_second_factor: whose sign-in needs a passkey, or a code of an app: `operators`, `owners` of sellers,
            `both` or `nobody`.
        reverse_proxies: how many proxies of ours stand before the service and name the client in X-Forwarded-For.
        max_connections: how many connections clients may hold to one process; the idle are closed first.
        max_connections_per_address: how many of them from one address, where that is not a proxy's; 0: no limit.
        direct_http: whether a process reads plain requests from their connections itself, where plain calls have a lane
            of their own; else the HTTP server reads all, in a thread of its own.
        drain_seconds: how long the service still answers after it was told to end, while it says so.
        calls_per_second: how many calls one access key or certificate may make; 0: no limit.
        requests_per_second_per_address: how many requests one address may send, where it is known; one that begins a
            visit or signs in counts as ten. 0: no limit.
        requests_per_minute_by_route: how many requests of a kind one address may send, for each of `api`, `batch`,
            `start` and `sign-in` that has a limit of its own. None: for none.
        verify_every_hours: how often the worker proves the books by itself; 0: only when somebody asks.
        remembered_balances: how many balances and tabs a process remembers, to decide payments unread; 0: none.
        running_proof_seconds: how often the worker proves what has come since it last did; 0: never.
        payout_rail: by what way sellers are paid out: `manual` (people send it), `file` (people give the bank a file of
            them), `stripe` (by transfers to accounts of theirs there), or `recorded` (operator and seller are one).
        sandbox_payout_rail: the same for the sandbox, where `simulated` sends it by itself.
        payout_sender_name: whose bank account payouts leave, for files.
        payout_sender_iban: its IBAN.
        metrics_token: whoever sends it as a bearer token may read `/metrics`. None: this machine alone may.
        otlp_endpoint: where a collector of OpenTelemetry takes traces, by OTLP over HTTP. None: nothing is traced.
        origins: where the values were read that were, by the names of the settings; no setting itself.
    """

    data_directory: Path = field(default_factory=_default_data_directory)
    database_url: str | None = field(default=None, repr=False)  # may hold a password
    owner_database_url: str | None = field(default=None, repr=False)  # the same
    host: str = "127.0.0.1"
    port: int = 8400
    public_url: str = ""
    allowed_hosts: tuple[str, ...] | None = None
    hsts: str = "max-age=31536000"
    staff_url: str | None = None
    staff_networks: tuple[Network, ...] | None = None
    security_contact: tuple[str, ...] | None = None
    operator_name: str | None = None
    imprint_url: str | None = None
    terms_url: str | None = None
    privacy_url: str | None = None
    master_key: bytes | None = field(default=None, repr=False)
    master_key_command: tuple[str, ...] | None = field(default=None, repr=False)  # may name what nobody else should
    master_key_file: Path | None = None
    further_master_keys: tuple[bytes, ...] | None = field(default=None, repr=False)
    timestamp_skew_seconds: int = 900
    clock_tolerance_seconds: int = 5
    rail_delay_ms: int = 1000
    sandbox_card_rail: str = "simulated"
    sandbox_bank_rail: str = "simulated"
    live_card_rail: str = "none"
    live_bank_rail: str = "none"
    sandbox_faults: bool = True
    stripe_secret_key: str | None = field(default=None, repr=False)
    stripe_webhook_secret: str | None = field(default=None, repr=False)
    stripe_test_secret_key: str | None = field(default=None, repr=False)
    stripe_test_webhook_secret: str | None = field(default=None, repr=False)
    stripe_api_base: str = "https://api.stripe.com"
    stripe_bank_debit: str = "none"
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
    smallest_charge: int | None = None
    unverified_spending_limit: int | None = None
    unverified_receiving_limit: int | None = None
    redeem_balances_below: int | None = None
    tolerate_unknown_parameters: bool = False
    log_format: str = "console"
    log_level: str = "info"
    log_requests: bool = False
    fee_schedule_file: Path | None = None
    smtp_url: str | None = field(default=None, repr=False)  # may hold a password
    mail_from: str | None = None
    confirm_within_minutes: int = 15
    step_up_minutes: int = 15
    mailed_codes: str = "nobody"
    require_second_factor: str = "operators"
    reverse_proxies: int = 0
    max_connections: int = MAX_CONNECTIONS
    max_connections_per_address: int = MAX_CONNECTIONS_PER_ADDRESS
    direct_http: bool = True
    drain_seconds: int = 0
    calls_per_second: int = 0
    requests_per_second_per_address: int = 0
    requests_per_minute_by_route: tuple[tuple[str, int], ...] | None = None
    verify_every_hours: int = 0
    remembered_balances: int = 50_000
    running_proof_seconds: int = 3
    payout_rail: str = "manual"
    sandbox_payout_rail: str = "simulated"
    payout_sender_name: str | None = None
    payout_sender_iban: str | None = None
    metrics_token: str | None = field(default=None, repr=False)
    otlp_endpoint: str | None = None
    origins: Mapping[str, Origin] = field(default_factory=dict, repr=False, compare=False)

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
    def operators_need_second_factor(self) -> bool:
        """Whether a password alone opens no operator's page."""
        return self.require_second_factor in {"operators", "both"}

    @property
    def owners_need_second_factor(self) -> bool:
        """Whether a password alone opens no console to an owner."""
        return self.require_second_factor in {"owners", "both"}

    @property
    def rails(self) -> Mapping[tuple[str, Method], str]:
        """Names of the rails where new means of payment are set up, by environment and method, where there are any."""
        named = {
            ("sandbox", Method.CC): self.sandbox_card_rail,
            ("sandbox", Method.ACH): self.sandbox_bank_rail,
            ("live", Method.CC): self.live_card_rail,
            ("live", Method.ACH): self.live_bank_rail,
        }
        return {choice: name for choice, name in named.items() if name != "none"}

    @property
    def key_file(self) -> Path:
        """Where the master key is kept when neither a setting nor a command gives it."""
        return self.master_key_file or self.data_directory / "master.key"


def setting_fields() -> tuple[Field[Any], ...]:
    """The settings, as fields of their class. `repr` says of each whether its value may be shown."""
    return tuple(setting for setting in fields(Settings) if setting.name != "origins")
