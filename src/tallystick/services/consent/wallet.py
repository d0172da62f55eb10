"""A buyer's means of payment: the account balance that everybody has, cards and bank accounts."""

from __future__ import annotations

import secrets
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import Method
from tallystick.domain.ids import PartyId
from tallystick.domain.money import MICROS_PER_MINOR_UNIT, MICROS_PER_UNIT
from tallystick.domain.rails.commands import Deposit
from tallystick.domain.refusals import Refused
from tallystick.processors.simulated_numbers import BY_NUMBER, NUMBERS, SimulatedNumber, rail_token
from tallystick.services.consent.choices import ChosenMethod
from tallystick.services.form_errors import FormError
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.services.rails import setups
from tallystick.store.accounts import payment_methods
from tallystick.store.accounts.payment_methods import NewPaymentMethod, PaymentMethod
from tallystick.store.keys.access_keys import SANDBOX
from tallystick.store.ledger.create_book import SIMULATED_RAIL, operator_book
from tallystick.store.queries import account_balances
from tallystick.words import dollars
from tallystick.words import gettext as _
from tallystick.words.figures import latin_digits, read_amount, typed_amount

if TYPE_CHECKING:
    from tallystick.services.context import Service

MAX_TEST_MONEY_MICROS: Final = 10_000 * MICROS_PER_UNIT
EXAMPLE_MICROS: Final = 50 * MICROS_PER_UNIT
CARD_DIGITS: Final = range(12, 20)  # ISO/IEC 7812
BANK_DIGITS: Final = range(4, 18)
ROUTING_DIGITS: Final = 9
MAX_CARD_YEARS: Final = 25
SENT_AGAIN: Final = timedelta(minutes=15)
"""How long a form with the same card is taken for the same form: a second click, or the way back and forth again."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One means of payment as it can be chosen.

    Cards and bank accounts have the rail's `label` and their `last_four` digits, cards `expires_on`, the last day on
    which they can be charged. `balance_micros`: what is on an account balance, None for all else; `suffices`: whether
    that is enough for what is to be paid at once.
    """

    chosen: ChosenMethod
    usable: bool
    label: str | None = None
    last_four: str | None = None
    expires_on: date | None = None
    balance_micros: int | None = None
    suffices: bool = True

    @property
    def expiry(self) -> str | None:
        """Month and year of a card as the return URL gives them: ``10/2031``."""
        return None if self.expires_on is None else self.expires_on.strftime("%m/%Y")

    @property
    def key(self) -> str:
        """Its name in forms."""
        return self.chosen.key

    @property
    def method(self) -> Method:
        """Of which kind it is."""
        return self.chosen.method

    @property
    def empty(self) -> bool:
        """Whether this is an account balance with nothing on it."""
        return self.balance_micros == 0

    def covers(self, amount_micros: int) -> bool:
        """Whether nothing that is known here speaks against paying so much with it."""
        return self.usable and (self.balance_micros is None or self.balance_micros >= amount_micros)


async def choices(
    service: Service, party_id: PartyId, environment: str, methods: tuple[Method, ...], *, due_micros: int = 0
) -> list[Choice]:
    """What this buyer can pay with, of what the seller allows, in the seller's order.

    `due_micros`: what is paid at once, so that an account balance with less on it cannot be used.
    """
    stored = await payment_methods.of_party(service.pool, party_id, environment)
    today = service.clock().date()
    found: list[Choice] = []
    for method in methods:
        if method is Method.ABT:
            balance = await account_balances.of_person(service.pool, environment, party_id)
            suffices = balance >= due_micros
            found.append(Choice(ChosenMethod(Method.ABT), usable=suffices, balance_micros=balance, suffices=suffices))
        else:
            found += [_stored_choice(one, today) for one in stored if one.method is method]
    return found


def _stored_choice(one: PaymentMethod, today: date) -> Choice:
    return Choice(
        chosen=ChosenMethod(one.method, one.payment_method_id),
        usable=one.usable(today),
        label=one.label,
        last_four=one.last_four,
        expires_on=one.expires_on,
    )


async def add_card(
    service: Service, party_id: PartyId, environment: str, number: str, expiry: str, *, once: bool = False
) -> PaymentMethod:
    """Keep a card. The number goes no further than this function, and is one of the sandbox's test numbers.

    `once`: as for `add`. Raises FormError.
    """
    _check_typed(service, environment, Method.CC)
    digits = _digits(number)
    problems = {}
    if digits is None or len(digits) not in CARD_DIGITS:
        problems["number"] = _(
            "Type the %(least)s to %(most)s digits of the card number.", least=CARD_DIGITS[0], most=CARD_DIGITS[-1]
        )
    known = BY_NUMBER.get((Method.CC, digits or ""))
    if known is None and "number" not in problems:
        problems["number"] = _only_test_numbers(Method.CC)
    now = service.clock()
    expires_on = _card_expiry(expiry, now.date())
    if expires_on is None:
        problems["expiry"] = _("Type month and year as on the card, such as 09/30.")
    elif expires_on < now.date():
        problems["expiry"] = _("This card has expired. Use another one.")
    if problems or known is None:
        raise FormError(problems)
    new = _test_method(known, expires_on)
    return await _keep(service, party_id, environment, new, once=once)


async def add_bank_account(
    service: Service, party_id: PartyId, environment: str, routing: str, number: str, *, once: bool = False
) -> PaymentMethod:
    """Keep a bank account. Of both numbers only the last four digits of the account stay.

    `once`: as for `add`. Raises FormError.
    """
    _check_typed(service, environment, Method.ACH)
    routing_digits, digits = _digits(routing), _digits(number)
    problems = {}
    if routing_digits is None or len(routing_digits) != ROUTING_DIGITS:
        problems["routing"] = _("Type the %(num)s digits of the routing number.", num=ROUTING_DIGITS)
    if digits is None or len(digits) not in BANK_DIGITS:
        problems["number"] = _(
            "Type the %(least)s to %(most)s digits of the account number.",
            least=BANK_DIGITS[0],
            most=BANK_DIGITS[-1],
        )
    known = BY_NUMBER.get((Method.ACH, digits or ""))
    if known is None and "number" not in problems:
        problems["number"] = _only_test_numbers(Method.ACH)
    if problems or known is None:
        raise FormError(problems)
    new = _test_method(known)
    return await _keep(service, party_id, environment, new, once=once)


def _test_method(known: SimulatedNumber, expires_on: date | None = None) -> NewPaymentMethod:
    token = rail_token(known.behaviour, secrets.token_urlsafe(24))
    return NewPaymentMethod(known.method, SIMULATED_RAIL, token, known.brand, known.last_four, expires_on)


def _only_test_numbers(method: Method) -> str:
    example = next(one.grouped for one in NUMBERS if one.method is method)
    return _("Only test numbers are taken here, such as %(digits)s.", digits=example)


async def _keep(
    service: Service, party_id: PartyId, environment: str, new: NewPaymentMethod, *, once: bool
) -> PaymentMethod:
    now = service.clock()
    if not once:
        return await payment_methods.add(service.pool, party_id, environment, new, now)
    async with service.pool.acquire() as connection:
        return await payment_methods.add_once(connection, party_id, environment, new, now - SENT_AGAIN, now)


async def add(
    service: Service,
    party_id: PartyId,
    environment: str,
    method: Method,
    typed: Mapping[str, str],
    *,
    once: bool = False,
) -> PaymentMethod:
    """Keep a card or a bank account from the fields of its form. Raises FormError.

    `once`: if one that looks the same was kept within SENT_AGAIN, it is that one whose form came again.
    """
    number = typed.get("number", "")
    if method is Method.CC:
        return await add_card(service, party_id, environment, number, typed.get("expiry", ""), once=once)
    return await add_bank_account(service, party_id, environment, typed.get("routing", ""), number, once=once)


async def add_test_money(service: Service, party_id: PartyId, amount: str) -> int:
    """Put simulated money onto the sandbox account balance of a person; gives the amount in micro-units.

    Raises FormError.
    """
    try:
        micros = read_amount(amount)
    except ValueError:
        micros = 0
    if micros % MICROS_PER_MINOR_UNIT or not 0 < micros <= MAX_TEST_MONEY_MICROS:
        minimum, maximum = typed_amount(MICROS_PER_MINOR_UNIT), dollars(MAX_TEST_MONEY_MICROS)
        example = typed_amount(EXAMPLE_MICROS)
        text = _(
            "Type an amount from %(least)s to %(most)s, such as %(example)s.",
            least=minimum,
            most=maximum,
            example=example,
        )
        raise FormError({"amount": text})
    now = service.clock()
    async with service.pool.acquire() as connection:
        book_id = await operator_book(connection, SANDBOX, now)
    deposit = Deposit(fresh_transaction_id(book_id, now), party_id, SIMULATED_RAIL, micros)
    outcome = await service.committer.perform(book_id, deposit)
    if isinstance(outcome, Refused):
        raise outcome
    return micros


def _check_typed(service: Service, environment: str, method: Method) -> None:
    """Real numbers never come to a form of ours. Raises FormError."""
    if not setups.is_typed(service, environment, method):
        raise FormError({"number": _("This is added at the payment provider, not here.")})


def _digits(text: str) -> str | None:
    digits = latin_digits(text).translate({ord(" "): None, ord("-"): None})
    return digits if digits.isascii() and digits.isdecimal() else None


def _card_expiry(text: str, today: date) -> date | None:
    """Last day of the month on a card: ``9/30``, ``09/2030``. None when it is no month within reach."""
    month_text, slash, year_text = latin_digits(text).replace(" ", "").partition("/")
    if not (slash and month_text.isascii() and month_text.isdecimal() and len(month_text) <= 2):  # noqa: PLR2004
        return None
    if not (year_text.isascii() and year_text.isdecimal() and len(year_text) in (2, 4)):
        return None
    month, year = int(month_text), int(year_text)
    year += 2000 if len(year_text) == 2 else 0  # noqa: PLR2004 - two digits, as most cards have it
    if month not in range(1, 13) or abs(year - today.year) > MAX_CARD_YEARS:
        return None
    return date(year, month, monthrange(year, month)[1])
