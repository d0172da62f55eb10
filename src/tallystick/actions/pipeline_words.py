"""What people agree to, in plain words with exact figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

from tallystick.actions.pipeline_terms import (
    AnyTerms,
    EditTerms,
    PostpaidTerms,
    PrepaidTerms,
    PurchaseTerms,
    RecipientTerms,
    SenderTerms,
)
from tallystick.domain.commands import AmountRule, LimitTerms, Method, TokenTerms, TokenType
from tallystick.domain.limits import LimitKind
from tallystick.words import day, dollars

if TYPE_CHECKING:
    from tallystick.domain.periods import Period
    from tallystick.ledger.agreed_tokens import AgreedToken

Something = TypeVar("Something")

NOTHING_NOW: Final = "Nothing is charged now."
LINE_NAMES: Final = {
    "itemTotal": "Items",
    "shipping": "Shipping",
    "handling": "Handling",
    "giftWrapping": "Gift wrapping",
    "discount": "Discount",
    "tax": "Tax",
}
_METHOD_NAMES: Final = {Method.ABT: "account balance", Method.CC: "card", Method.ACH: "bank account"}
_EACH: Final = {AmountRule.EXACT: "exactly", AmountRule.MAXIMUM: "at most", AmountRule.MINIMUM: "at least"}
_PPM_PER_PERCENT: Final = 10_000
_SINGLE_USE_LIFE: Final = "within three hours from now"


@dataclass(frozen=True, slots=True)
class Offer:
    """What is asked for, at a glance, and how its pages speak of it.

    `figure` is what matters most, `qualifier` stands before it. `source_label` names the means of payment chosen,
    `method_heading` asks for one, `button` agrees, `closing` says what agreeing does to the person's money.
    """

    label: str
    qualifier: str
    figure: str
    note: str
    source_label: str
    method_heading: str
    button: str = "Confirm"
    closing: str = NOTHING_NOW


@dataclass(frozen=True, slots=True)
class Names:
    """Who takes part: the seller whose program asks, and those who are paid in its stead."""

    seller: str
    recipients: tuple[str, ...] = ()


def offer(terms: AnyTerms, names: Names, edited: AgreedToken | None = None) -> Offer:
    """What is asked for. `edited` is the token of EditToken. Raises LookupError without it."""
    match terms:
        case PrepaidTerms():
            figure, note = dollars(terms.funding_limit_micros), "Most that your prepaid balance can be"
            return Offer("Prepaid balance", "up to", figure, note, "Filled from", "Choose how to fill the balance")
        case PostpaidTerms():
            figure, note = dollars(terms.credit_limit_micros), "Most that you can owe at any one time"
            return Offer("Pay later on a tab", "up to", figure, note, "Settled from", "Choose how to settle the tab")
        case PurchaseTerms():
            figure = dollars(terms.amount_micros)
            return Offer(
                "Pay now",
                "",
                figure,
                "Taken once",
                "Paid from",
                "Choose how to pay",
                button=f"Pay {figure}",
                closing=f"You pay {figure} when you confirm.",
            )
        case SenderTerms():
            return _sender_offer(terms.token_type, terms.agreed, terms.limits)
        case RecipientTerms():
            share = _share(terms.agreed)
            note = f"What {names.seller} keeps of each payment"
            return Offer("Receive payments through a marketplace", "up to", share or dollars(0), note, "", "")
        case EditTerms():
            old = _certain(edited)
            now = _sender_offer(old.token_type, old.terms, old.limits)
            return Offer(
                "Change how you pay", now.qualifier, now.figure, now.note, "Paid from", "Choose how to pay from now on"
            )


def _sender_offer(token_type: TokenType, agreed: TokenTerms, limits: Sequence[LimitTerms]) -> Offer:
    amount = agreed.amount_micros
    if token_type is TokenType.SINGLE_USE and amount is not None:
        label, note = ("Hold on your card", "Held once") if agreed.for_reserve else ("One payment", "Taken once")
        return Offer(label, "", dollars(amount), note, "Paid from", "Choose how to pay")
    if token_type is TokenType.RECURRING and amount is not None:
        period = _recurring_period(limits)
        note = f"Taken at most once {'in all' if period is None else every(period)}"
        return Offer("Regular payments", "", dollars(amount), note, "Paid from", "Choose how to pay")
    total = next((one for one in limits if one.kind is LimitKind.AMOUNT and one.period is None), None)
    figure = "As agreed" if total is None else dollars(total.limit)
    qualifier = "" if total is None else "up to"
    return Offer("Payments", qualifier, figure, "Most that all payments come to", "Paid from", "Choose how to pay")


def promises(terms: AnyTerms, names: Names, source: str, now: datetime, edited: AgreedToken | None = None) -> list[str]:
    """What is agreed to, a sentence each. `source` is the means of payment: ``your card ending in 4242``.

    `now` is the book's time, `edited` the token of EditToken.
    """
    sentences = allowances(terms, names, source, edited)
    if isinstance(terms, PurchaseTerms | EditTerms):
        return sentences
    if isinstance(terms, SenderTerms) and terms.token_type is TokenType.SINGLE_USE:
        return sentences
    return [*sentences, _validity(terms, now)]


def allowances(
    terms: AnyTerms, names: Names, source: str, edited: AgreedToken | None = None, within: str = _SINGLE_USE_LIFE
) -> list[str]:
    """What is allowed, a sentence each, without how long. `within`: when a single payment may be taken."""
    seller = names.seller
    match terms:
        case PrepaidTerms():
            limit = dollars(terms.funding_limit_micros)
            return [
                f"{seller} may take up to {limit} from {source} to fill your prepaid balance.",
                f"When the balance runs low, {seller} may top it up again, to at most {limit}.",
                f"You spend from that balance at {seller}, without being asked each time.",
                f"Money in the balance can be spent at {seller} only. It is not paid back to {source}.",
            ]
        case PostpaidTerms():
            return [
                f"{seller} may put what you buy on a tab, without asking you each time.",
                f"You never owe more than {dollars(terms.credit_limit_micros)} at any one time.",
                f"All purchases on the tab together come to at most {dollars(terms.total_limit_micros)}.",
                *(_limit_in_words(limit, "purchase") for limit in terms.limits),
                f"{seller} settles the tab from {source}: only what you owe, in one payment or several.",
            ]
        case PurchaseTerms():
            return [
                f"You pay {dollars(terms.amount_micros)} to {seller} from {source}, once and now.",
                f"{seller} gets your name and your e-mail address with the payment.",
            ]
        case SenderTerms():
            return _sender_sentences(terms.token_type, terms.agreed, terms.limits, names, source, within)
        case RecipientTerms():
            return _recipient_sentences(terms, seller)
        case EditTerms():
            return _edit_sentences(_certain(edited), names, source)


def _sender_sentences(
    token_type: TokenType,
    agreed: TokenTerms,
    limits: Sequence[LimitTerms],
    names: Names,
    source: str,
    within: str = _SINGLE_USE_LIFE,
) -> list[str]:
    seller = names.seller
    amount = dollars(agreed.amount_micros or 0)
    if token_type is TokenType.SINGLE_USE:
        if agreed.for_reserve:
            sentences = [
                f"{seller} may hold {amount} on {source}, once, {within}.",
                f"Within seven days of that, {seller} may take what was held, or less. The rest is let go.",
            ]
        else:
            sentences = [f"{seller} may take exactly {amount} from {source}, once, {within}."]
    elif token_type is TokenType.RECURRING:
        period = _recurring_period(limits)
        often = "once in all" if period is None else f"at most once {every(period)}"
        sentences = [f"{seller} may take exactly {amount} from {source}, {often}, without asking you each time."]
    else:
        rule = agreed.amount_rule
        each = "" if rule is None else f" of {_EACH[rule]} {amount} each"
        sentences = [
            f"{seller} may take payments{each} from {source}, without asking you each time.",
            *(_limit_in_words(limit, "payment") for limit in limits),
        ]
    if names.recipients:
        sentences.append(f"The money goes to {listed(names.recipients, 'or')}; {seller} acts on their behalf.")
    return sentences


def _recurring_period(limits: Sequence[LimitTerms]) -> Period | None:
    return next((limit.period for limit in limits if limit.kind is LimitKind.COUNT), None)


def _recipient_sentences(terms: RecipientTerms, seller: str) -> list[str]:
    share = _share(terms.agreed)
    keeps = (
        f"{seller} keeps at most {share} of each payment; the rest is yours." if share else f"{seller} keeps no share."
    )
    payer = "You pay" if terms.agreed.recipient_pays_fee else f"{seller} pays"
    sentences = [
        f"{seller} may take payments from buyers on your behalf. They are credited to your account.",
        keeps,
        f"{payer} the fee that this service takes of each payment.",
        f"{seller} may pay such payments back to the buyers, out of your account.",
    ]
    if terms.accepted is not None:
        accepted = [_METHOD_NAMES[method] for method in terms.accepted]
        sentences.insert(1, f"Buyers may pay by {listed(accepted, 'or')} only.")
    return sentences


def _share(agreed: TokenTerms) -> str:
    """The caller's share: ``0.30 USD plus 2.5 %``; empty when there is none."""
    ppm = agreed.most_variable_fee_ppm or 0
    fixed = dollars(agreed.most_fixed_fee_micros) if agreed.most_fixed_fee_micros else ""
    whole, fraction = divmod(ppm, _PPM_PER_PERCENT)
    percent = f"{whole}.{fraction:04d}".rstrip("0").rstrip(".") + " %" if ppm else ""
    return " plus ".join(part for part in (fixed, percent) if part)


def _edit_sentences(old: AgreedToken, names: Names, source: str) -> list[str]:
    end = "until it is cancelled" if old.expires_at is None else f"until {day(old.expires_at)}"
    return [
        *_sender_sentences(old.token_type, old.terms, old.limits, names, source),
        f"You agreed to this before, and it stays in force {end}. Only the way you pay changes.",
        "What was used of the limits so far still counts.",
    ]


def _limit_in_words(limit: LimitTerms, what: str) -> str:
    if limit.kind is LimitKind.AMOUNT:
        sentence = f"{what.capitalize()}s come to at most {dollars(limit.limit)}"
    else:
        sentence = f"There are at most {limit.limit} {what}s" if limit.limit > 1 else f"There is at most 1 {what}"
    return f"{sentence} in all." if limit.period is None else f"{sentence} {every(limit.period)}."


def _validity(terms: AnyTerms, now: datetime) -> str:
    start = f"starts on {day(terms.starts_at)}" if terms.starts_at is not None and terms.starts_at > now else ""
    begins = f"This authorization {start or 'starts now'}"
    if terms.expires_at is None:
        if isinstance(terms, SenderTerms) and terms.token_type is TokenType.MULTI_USE:
            return f"{begins} and ends after one year."
        other = "marketplace" if isinstance(terms, RecipientTerms) else "seller"
        return f"{begins} and lasts until you or the {other} cancel it."
    text = f"{begins} and ends on {day(terms.expires_at)}."
    if isinstance(terms, PostpaidTerms):
        return text + " What you owe by then can still be settled afterwards."
    return text


def validity_in_short(terms: AnyTerms, edited: AgreedToken | None = None) -> str:
    """``Until 1 March 2027``, with the time of day when it does not end at midnight; or until cancelled."""
    expires_at = terms.expires_at
    match terms:
        case PurchaseTerms():
            return "When you confirm"
        case SenderTerms(token_type=TokenType.SINGLE_USE):
            return "Within three hours"
        case SenderTerms(token_type=TokenType.MULTI_USE) if expires_at is None:
            return "For one year"
        case EditTerms():
            expires_at = _certain(edited).expires_at
        case _:
            pass
    return "Until cancelled" if expires_at is None else f"Until {day(expires_at)}"


def every(period: Period) -> str:
    """How often: ``every month``, ``every 2 days``."""
    return f"every {str(period).lower().removeprefix('1 ')}"


def listed(names: Sequence[str], conjunction: str) -> str:
    """``A``, ``A or B``, ``A, B or C``."""
    *first, last = names
    return f"{', '.join(first)} {conjunction} {last}" if first else last


def _certain(found: Something | None) -> Something:
    if found is None:
        raise LookupError("the token to edit is not there")
    return found
