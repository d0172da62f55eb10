"""From the text of a variable to a value. Each raises ValueError, whose text completes "TALLYSTICK_…: "."""

import re
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Final, Generic, TypeVar
from urllib.parse import urlsplit

from tallystick.domain.money import GREATEST_SMALLEST_CHARGE_MICROS, display_amount, parse_amount
from tallystick.settings.values import Network

_TOKEN: Final = re.compile(r"[\x21-\x7e]{16,}")
_HOST: Final = re.compile(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]")
_HSTS: Final = re.compile(r"max-age=[0-9]{1,10}(?:; ?includeSubDomains)?(?:; ?preload)?")
_CONTACT: Final = re.compile(r"mailto:[^\s@]+@[^\s@]+|https://[!-~]+")
_PAGE: Final = re.compile(r"https?://[^\s\x00-\x1f\x7f@\\]+")
_LONGEST_NAME: Final = 70
_STRIPE_KEY: Final = re.compile(r"[sr]k_(?:live|test)_[A-Za-z0-9_]{8,}")
_MAIL_FROM: Final = re.compile(r"(?:[^<>@\x00-\x1f]+<[^\s<>@]+@[^\s<>@]+>)|(?:[^\s<>@]+@[^\s<>@]+)")

ROUTES: Final = ("api", "batch", "start", "sign-in")
"""Kinds of requests that have limits of their own."""

RAILS: Final = ("none", "simulated", "stripe")
"""Where new cards and bank accounts may go; `none`: there can be none."""

_MOST_A_MINUTE: Final = 6_000_000

Item = TypeVar("Item")


def absolute_path(text: str) -> Path:
    """An absolute path; `~` is the home directory."""
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"names a home directory that does not exist: {text!r}") from None
    if not path.is_absolute():
        raise ValueError(f"must be an absolute path, not {text!r}")
    return path


def existing_file(text: str) -> Path:
    """The absolute path of a file that is there."""
    path = absolute_path(text)
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


def database_url(text: str) -> str:
    """The address of a PostgreSQL server, as asyncpg takes it."""
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("must start with postgresql://")  # not quoted back: it may hold a password
    return text


def origin(text: str) -> str:
    """An http or https address of a whole host, without a slash at its end."""
    parts = urlsplit(text)
    more = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in {"http", "https"} or not parts.hostname or more:
        raise ValueError(f"must be an http or https address without a path or a query, not {text!r}")
    return text.rstrip("/")


def host_name(text: str) -> str:
    """The name or the address of a host, in small letters."""
    if _HOST.fullmatch(text) is None:
        raise ValueError(f"must be names of hosts, such as pay.example.com, without ports; not {text!r}")
    return text.lower()


def hsts(text: str) -> str:
    """The value of the header Strict-Transport-Security."""
    if _HSTS.fullmatch(text) is None:
        raise ValueError(f"must be such as `max-age=63072000; includeSubDomains; preload`, not {text!r}")
    return text


def network(text: str) -> Network:
    """A network in CIDR notation; one address is a network of its own."""
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError(f"must be networks such as 10.1.0.0/16, not {text!r}") from None


def contact(text: str) -> str:
    """Where people write to: an address of e-mail or of a page."""
    if _CONTACT.fullmatch(text) is None:
        raise ValueError(f"must be mailto: or https addresses, not {text!r}")
    return text


def display_name(text: str) -> str:
    """A name that pages show: 1 to 70 characters, all of them visible."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
        raise ValueError(f"must be a name of 1 to {_LONGEST_NAME} visible characters")
    return name


def page_address(text: str) -> str:
    """The http or https address of a page that people open."""
    with suppress(ValueError):  # of brackets or a port that are none
        parts = urlsplit(text)
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and _PAGE.fullmatch(text):
            return text
    raise ValueError(f"must be the http or https address of a page, such as https://example.com/terms, not {text!r}")


def smtp_url(text: str) -> str:
    """The address of a mail server, perhaps with a user and a password."""
    parts = urlsplit(text)
    with suppress(ValueError):  # of a port that is no number
        if parts.scheme in {"smtp", "smtps"} and parts.hostname and parts.port != 0 and not parts.path.strip("/"):
            return text
    raise ValueError("must be smtp:// or smtps:// with a host")  # not quoted back: it may hold a password


def mail_from(text: str) -> str:
    """A sender: the address alone, or a name with it in angle brackets."""
    if _MAIL_FROM.fullmatch(text) is None:
        raise ValueError(f"must be an address such as payments@example.com, not {text!r}")
    return text


def bearer_token(text: str) -> str:
    """A secret that goes into a header as it is."""
    if _TOKEN.fullmatch(text) is None:
        raise ValueError("must be 16 characters or more, without blanks")  # not quoted back: it is a secret
    return text


def file_content(text: str) -> str:
    """What a file holds, such as one that a container mounts, without the blanks around it."""
    try:
        return existing_file(text).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{text} cannot be read: {error}") from None


def stripe_key(text: str) -> str:
    """A secret or restricted key of Stripe's, of test mode or live."""
    if _STRIPE_KEY.fullmatch(text) is None:
        raise ValueError("must be a secret key of Stripe's: sk_live_…, rk_live_…, sk_test_… or rk_test_…")
    return text  # not quoted back: it is a secret


def stripe_test_key(text: str) -> str:
    """One of test mode."""
    if not stripe_key(text).startswith(("sk_test_", "rk_test_")):
        raise ValueError("must be a key of Stripe's test mode: sk_test_… or rk_test_…")
    return text


def bank_debit(text: str) -> str:
    """Which bank debit Stripe makes. Each is made in one currency alone, and the books count in dollars."""
    if text.lower() == "sepa_debit":
        raise ValueError("sepa_debit is made in EUR alone, and the books count in USD")
    return one_of(("none", "us_bank_account"))(text)


def route_limit(text: str) -> tuple[str, int]:
    """How many requests of one kind an address may send in a minute."""
    route, _, number = (part.strip() for part in text.partition("="))
    if route not in ROUTES or not (number.isascii() and number.isdecimal() and 0 < int(number) <= _MOST_A_MINUTE):
        raise ValueError(f"must be such as sign-in=20, for any of {', '.join(ROUTES)}, not {text!r}")
    return route, int(number)


def switch(text: str) -> bool:
    """True or false, in the words that people use for them."""
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off"}:
        return False
    raise ValueError(f"must be true or false, not {text!r}")


def amount(text: str) -> int:
    """An amount of money in micro-units."""
    try:
        return parse_amount(text)
    except ValueError:
        raise ValueError(f"must be an amount such as 250.00, not {text!r}") from None


def smallest_charge(text: str) -> int:
    """The least that one payment may be, in micro-units."""
    micros = amount(text)
    if not 0 < micros <= GREATEST_SMALLEST_CHARGE_MICROS:
        most = display_amount(GREATEST_SMALLEST_CHARGE_MICROS)
        raise ValueError(f"must lie between 0.000001 and {most}, not {text!r}")
    return micros


def between(minimum: int, maximum: int) -> Callable[[str], int]:
    """A parser of whole numbers, both bounds included."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and minimum <= int(text) <= maximum):
            raise ValueError(f"must be a whole number from {minimum} to {maximum}, not {text!r}")
        return int(text)

    return parse


class ListOf(Generic[Item]):
    """A parser of values that stand between commas; `parse` reads one of them."""

    def __init__(self, parse: Callable[[str], Item]) -> None:
        self._parse = parse

    def __call__(self, text: str) -> tuple[Item, ...]:
        """Read all of them."""
        return tuple(self._parse(item.strip()) for item in text.split(","))


def one_of(allowed: tuple[str, ...]) -> Callable[[str], str]:
    """A parser of words, whose case does not count."""

    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}, not {text!r}")
        return text.lower()

    return parse


def live_rail(text: str) -> str:
    """A rail for live books: never the simulated one."""
    name = one_of(RAILS)(text)
    if name == "simulated":
        raise ValueError("live books never use the simulated rail: what it takes is worth nothing")
    return name
