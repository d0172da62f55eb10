"""What a consent comes to: the answer with fresh ids, and the commands that make what was agreed to."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import (
    AuthorizePostpaid,
    AuthorizePrepaid,
    Consent,
    InstallToken,
    Method,
    Pay,
    RefundToken,
    Request,
    TokenPurpose,
    TokenType,
)
from tallystick.domain.ids import (
    TOKEN_ENTROPY_BYTES,
    TRANSACTION_ENTROPY_BYTES,
    BookId,
    IdKind,
    InstrumentId,
    TokenId,
    TransactionId,
    make_token_or_instrument_id,
    make_transaction_id,
)
from tallystick.domain.money import USD, display_amount
from tallystick.services.consent.terms import (
    EditTerms,
    PostpaidTerms,
    PrepaidTerms,
    PurchaseTerms,
    RecipientTerms,
    SenderTerms,
)

if TYPE_CHECKING:
    from tallystick.services.consent.subject import VisitSubject
    from tallystick.services.consent.wallet import Choice
    from tallystick.store.accounts.parties import Party
    from tallystick.store.records.visits import Visit

SUCCESS: Final[Mapping[Method, str]] = {Method.ABT: "SA", Method.ACH: "SB", Method.CC: "SC"}

ADDRESS_REFUSED: Final = {
    "warningCode": "invalidShippingAddress",
    "warningMessage": "The shipping address that was given cannot be used: the buyer was not shown it.",
}
"""What is agreed to is good nevertheless."""

_PREPAID: Final = {
    "prepaidInstrumentID": IdKind.PREPAID_INSTRUMENT,
    "prepaidSenderTokenID": IdKind.PREPAID_SENDER,
    "fundingTokenID": IdKind.FUNDING,
}
_POSTPAID: Final = {
    "creditInstrumentID": IdKind.CREDIT_INSTRUMENT,
    "creditSenderTokenID": IdKind.CREDIT_SENDER,
    "settlementTokenID": IdKind.SETTLEMENT,
}
_SENDER: Final = {"tokenID": IdKind.SENDER}
_RECIPIENT: Final = {"tokenID": IdKind.RECIPIENT, "refundTokenID": IdKind.INSTALLED}
_PURCHASE: Final = {"tokenId": IdKind.SENDER}

Authorization = AuthorizePrepaid | AuthorizePostpaid | InstallToken


def plan(
    visit: Visit, subject: VisitSubject, person: Party, choice: Choice | None, now: datetime, book_id: BookId
) -> dict[str, str]:
    """The answer in case of success, with fresh ids in the book `book_id`. `now` is the book's time."""
    terms = subject.terms
    if isinstance(terms, PurchaseTerms):
        answer = _receipt(terms, subject, person, choice, now)
    elif choice is None:
        answer = {"status": "SR"}
    else:
        answer = {"status": SUCCESS[choice.method]}
    for name, kind in _made(subject).items():
        answer[name] = make_token_or_instrument_id(kind, book_id, secrets.token_bytes(TOKEN_ENTROPY_BYTES))
    if choice is not None and choice.expiry is not None and not isinstance(terms, PurchaseTerms):
        answer["expiry"] = choice.expiry
    if terms.collect_address:
        answer |= address_of(visit)
    if terms.address_refused:
        answer |= ADDRESS_REFUSED
    return answer


def _made(subject: VisitSubject) -> Mapping[str, IdKind]:
    match subject.terms:
        case PrepaidTerms():
            return _PREPAID
        case PostpaidTerms():
            return _POSTPAID
        case RecipientTerms():
            return _RECIPIENT
        case PurchaseTerms():
            return _PURCHASE
        case SenderTerms() | EditTerms():
            return _SENDER


def _receipt(
    terms: PurchaseTerms, subject: VisitSubject, person: Party, choice: Choice | None, now: datetime
) -> dict[str, str]:
    """What a Simple Pay button gets back; the status is that of a payment that went through at once."""
    receipt = {
        "status": "PS",
        "transactionId": make_transaction_id(
            subject.book.book_id, int(now.timestamp() * 1000), secrets.token_bytes(TRANSACTION_ENTROPY_BYTES)
        ),
        "transactionAmount": f"{USD} {display_amount(terms.amount_micros)}",
        "transactionDate": str(int(now.timestamp())),
        "operation": "PAY",
        "paymentReason": terms.description,
        "buyerName": person.name,
        "buyerEmail": person.email,
        "recipientName": subject.caller.name,
        "recipientEmail": subject.caller.email,
    }
    if choice is not None:
        receipt["paymentMethod"] = choice.method.value
    if terms.order_reference is not None:
        receipt["referenceId"] = terms.order_reference
    return receipt


def address_of(visit: Visit) -> dict[str, str]:
    """The delivery address that the buyer typed, under the protocol's names."""
    return {
        name.removeprefix("address:"): value
        for name, value in visit.choices.items()
        if name.startswith("address:") and value
    }


def authorization(visit: Visit, subject: VisitSubject, answer: Mapping[str, str], now: datetime) -> Authorization:
    """The command that makes what `answer` promises. `now` is the book's time.

    The person and their choices are those of the visit. Raises LookupError: nobody consented.
    """
    if visit.sender_id is None:
        raise LookupError("a consent needs somebody who gives it")
    terms = subject.terms
    method = None if isinstance(terms, RecipientTerms) else Method(visit.choices["method"])
    valid_from = now if terms.starts_at is None else max(terms.starts_at, now)
    consent = Consent(
        sender_id=visit.sender_id,
        method=method or Method.ABT,
        payment_method_id=None if method in {None, Method.ABT} else int(visit.choices["key"]),
        payment_reason=terms.reason_html or None,
        valid_from=valid_from,
        expires_at=terms.ends_at(now),
    )
    match terms:
        case PrepaidTerms():
            return AuthorizePrepaid(
                consent=consent,
                instrument_id=InstrumentId(answer["prepaidInstrumentID"]),
                sender_token_id=TokenId(answer["prepaidSenderTokenID"]),
                funding_token_id=TokenId(answer["fundingTokenID"]),
                sender_reference=terms.reference,
                funding_reference=terms.funding_reference,
                funding_limit_micros=terms.funding_limit_micros,
            )
        case PostpaidTerms():
            return AuthorizePostpaid(
                consent=consent,
                instrument_id=InstrumentId(answer["creditInstrumentID"]),
                sender_token_id=TokenId(answer["creditSenderTokenID"]),
                settlement_token_id=TokenId(answer["settlementTokenID"]),
                sender_reference=terms.reference,
                settlement_reference=terms.settlement_reference,
                credit_limit_micros=terms.credit_limit_micros,
                total_limit_micros=terms.total_limit_micros,
                limits=terms.limits,
            )
        case RecipientTerms():
            return _recipient_token(terms, consent, answer)
        case SenderTerms():
            return _sender_token(visit, terms, consent, answer)
        case EditTerms():
            return _edited_token(terms, subject, consent, answer)


def _recipient_token(terms: RecipientTerms, consent: Consent, answer: Mapping[str, str]) -> InstallToken:
    """The recipient's consent. A refund token without a name of the caller's is named by its own id."""
    accepted = ", ".join(f"'{method.value.lower()}'" for method in terms.accepted or ())
    refund_id = TokenId(answer["refundTokenID"])
    return InstallToken(
        token_id=TokenId(answer["tokenID"]),
        purpose=TokenPurpose.RECIPIENT,
        token_type=TokenType.UNRESTRICTED,
        sender_id=consent.sender_id,
        caller_reference=terms.reference,
        method=None,
        payment_method_id=None,
        valid_from=consent.valid_from,
        expires_at=consent.expires_at,
        terms=terms.agreed,
        instruction=f"PaymentMethod in ({accepted});" if accepted else None,
        refund_token=RefundToken(refund_id, terms.refund_reference or refund_id),
    )


def _sender_token(visit: Visit, terms: SenderTerms, consent: Consent, answer: Mapping[str, str]) -> InstallToken:
    purchase = isinstance(terms, PurchaseTerms)
    return InstallToken(
        token_id=TokenId(answer["tokenId" if purchase else "tokenID"]),
        purpose=TokenPurpose.SENDER,
        token_type=terms.token_type,
        sender_id=consent.sender_id,
        caller_reference=purchase_reference(visit) if purchase else terms.reference,
        method=consent.method,
        payment_method_id=consent.payment_method_id,
        valid_from=consent.valid_from,
        expires_at=consent.expires_at,
        payment_reason=consent.payment_reason,
        terms=terms.agreed,
        limits=terms.limits,
    )


def _edited_token(terms: EditTerms, subject: VisitSubject, consent: Consent, answer: Mapping[str, str]) -> InstallToken:
    """Only the means of payment is new; the rule takes all else from the token that it replaces."""
    token_type = TokenType.MULTI_USE if subject.edited is None else subject.edited.token_type
    return InstallToken(
        token_id=TokenId(answer["tokenID"]),
        purpose=TokenPurpose.SENDER,
        token_type=token_type,
        sender_id=consent.sender_id,
        caller_reference=terms.reference,
        method=consent.method,
        payment_method_id=consent.payment_method_id,
        valid_from=consent.valid_from,
        expires_at=consent.expires_at,
        replaces=TokenId(terms.token_id),
    )


def purchase_reference(visit: Visit) -> str:
    """The name of a Simple Pay purchase in the books: one button serves many, and its visits tell them apart."""
    return f"simple-pay-{visit.visit_id}"


def payment(visit: Visit, terms: PurchaseTerms, subject: VisitSubject, answer: Mapping[str, str], now: datetime) -> Pay:
    """The payment of a Simple Pay purchase. The same for the same visit, however often it is asked for."""
    return Pay(
        Request(
            transaction_id=TransactionId(answer["transactionId"]),
            caller_id=subject.caller.party_id,
            caller_reference=purchase_reference(visit),
            fingerprint=blake2b(visit.visit_id.encode("ascii"), digest_size=32).digest(),
            requested_at=now,
            caller_description=terms.description,
            notification_url=terms.notification_url,
        ),
        TokenId(answer["tokenId"]),
        terms.amount_micros,
    )


def same_means(subject: VisitSubject, choice: Choice) -> bool:
    """Whether the token of EditToken pays so already."""
    edited = subject.edited
    return (
        edited is not None and edited.method is choice.method and edited.payment_method_id == choice.payment_method_id
    )
