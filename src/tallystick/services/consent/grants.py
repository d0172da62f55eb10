"""What a consent grants: the answer with fresh ids, and the commands that make what was agreed to."""

from __future__ import annotations

import secrets
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING

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
    BookId,
    IdKind,
    InstrumentId,
    TokenId,
    make_token_or_instrument_id,
)
from tallystick.services.consent.answers import (
    AGREED_BY,
    AnswerStatus,
    ConsentAnswer,
    Grant,
    PostpaidGrant,
    PrepaidGrant,
    PurchaseAnswer,
    PurchaseIds,
    Receipt,
    RecipientGrant,
    TokenGrant,
)
from tallystick.services.consent.choices import ChosenMethod
from tallystick.services.consent.terms import (
    AnyTerms,
    EditTerms,
    PostpaidTerms,
    PrepaidTerms,
    PurchaseTerms,
    RecipientTerms,
    SenderTerms,
)
from tallystick.services.process.transaction_ids import fresh_transaction_id

if TYPE_CHECKING:
    from tallystick.services.consent.subject import VisitSubject
    from tallystick.services.consent.visits import Visit
    from tallystick.services.consent.wallet import Choice
    from tallystick.store.accounts.parties import Party

Authorization = AuthorizePrepaid | AuthorizePostpaid | InstallToken


def plan(
    visit: Visit,
    subject: VisitSubject,
    person: Party,
    choice: Choice | None,
    now: datetime,
    book_id: BookId,
    known: str | None = None,
) -> ConsentAnswer | PurchaseAnswer:
    """The answer in case of success, with fresh ids in the book `book_id`. `now` is the book's time.

    `known`: the id that the instrument or token has already, where a program was told one.
    """
    terms = subject.terms
    address = visit.choices.address if terms.collect_address else None
    if isinstance(terms, PurchaseTerms):
        ids = PurchaseIds(_fresh_token(IdKind.SENDER, book_id), fresh_transaction_id(subject.book.book_id, now))
        receipt = _receipt(terms, subject, person, choice, now)
        return PurchaseAnswer(AnswerStatus.PAID, ids, receipt, address, terms.address_refused)
    status = AnswerStatus.RECIPIENT_AGREED if choice is None else AGREED_BY[choice.method]
    expiry = None if choice is None else choice.expiry
    return ConsentAnswer(status, _fresh_grant(terms, book_id, known), expiry, address, terms.address_refused)


def _fresh_grant(terms: AnyTerms, book_id: BookId, known: str | None) -> Grant:
    match terms:
        case PrepaidTerms():
            return PrepaidGrant(
                _instrument(known, IdKind.PREPAID_INSTRUMENT, book_id),
                _fresh_token(IdKind.PREPAID_SENDER, book_id),
                _fresh_token(IdKind.FUNDING, book_id),
            )
        case PostpaidTerms():
            return PostpaidGrant(
                _instrument(known, IdKind.CREDIT_INSTRUMENT, book_id),
                _fresh_token(IdKind.CREDIT_SENDER, book_id),
                _fresh_token(IdKind.SETTLEMENT, book_id),
            )
        case RecipientTerms():
            return RecipientGrant(_fresh_token(IdKind.RECIPIENT, book_id), _fresh_token(IdKind.INSTALLED, book_id))
        case SenderTerms() | EditTerms():
            return TokenGrant(_fresh_token(IdKind.SENDER, book_id) if known is None else TokenId(known))


def _fresh_token(kind: IdKind, book_id: BookId) -> TokenId:
    return TokenId(make_token_or_instrument_id(kind, book_id, secrets.token_bytes(TOKEN_ENTROPY_BYTES)))


def _instrument(known: str | None, kind: IdKind, book_id: BookId) -> InstrumentId:
    return InstrumentId(known or make_token_or_instrument_id(kind, book_id, secrets.token_bytes(TOKEN_ENTROPY_BYTES)))


def _receipt(
    terms: PurchaseTerms, subject: VisitSubject, person: Party, choice: Choice | None, now: datetime
) -> Receipt:
    """What a Simple Pay button gets back."""
    return Receipt(
        amount_micros=terms.amount_micros,
        at=now.replace(microsecond=0),
        reason=terms.description,
        buyer_name=person.name,
        buyer_email=person.email,
        recipient_name=subject.caller.name,
        recipient_email=subject.caller.email,
        method=None if choice is None else choice.method,
        order_reference=terms.order_reference,
    )


def authorization(
    visit: Visit, subject: VisitSubject, answer: ConsentAnswer | PurchaseAnswer, now: datetime
) -> Authorization:
    """The command that makes what `answer` promises. `now` is the book's time.

    The person and their choices are those of the visit. Raises LookupError: nobody consented, or to something else.
    """
    terms = subject.terms
    consent = _consent(visit, terms, now)
    match terms, answer:
        case PrepaidTerms(), ConsentAnswer(grant=PrepaidGrant() as grant):
            return AuthorizePrepaid(
                consent=consent,
                instrument_id=grant.instrument_id,
                sender_token_id=grant.sender_token_id,
                funding_token_id=grant.funding_token_id,
                sender_reference=terms.reference,
                funding_reference=terms.funding_reference,
                funding_limit_micros=terms.funding_limit_micros,
            )
        case PostpaidTerms(), ConsentAnswer(grant=PostpaidGrant() as grant):
            return AuthorizePostpaid(
                consent=consent,
                instrument_id=grant.instrument_id,
                sender_token_id=grant.sender_token_id,
                settlement_token_id=grant.settlement_token_id,
                sender_reference=terms.reference,
                settlement_reference=terms.settlement_reference,
                credit_limit_micros=terms.credit_limit_micros,
                total_limit_micros=terms.total_limit_micros,
                limits=terms.limits,
            )
        case RecipientTerms(), ConsentAnswer(grant=RecipientGrant() as grant):
            return _recipient_token(terms, consent, grant)
        case PurchaseTerms(), PurchaseAnswer(ids=PurchaseIds() as ids):
            return _sender_token(terms, consent, ids.token_id, purchase_reference(visit))
        case SenderTerms(), ConsentAnswer(grant=TokenGrant() as grant):
            return _sender_token(terms, consent, grant.token_id, terms.reference)
        case EditTerms(), ConsentAnswer(grant=TokenGrant() as grant):
            return _edited_token(terms, subject, consent, grant.token_id)
        case _:
            raise LookupError(f"{type(terms).__name__} were not agreed to by this answer")


def _consent(visit: Visit, terms: AnyTerms, now: datetime) -> Consent:
    """Who pays by what means, and how long. Raises LookupError: nobody consented."""
    chosen = visit.choices.method
    if visit.sender_id is None or (chosen is None and not isinstance(terms, RecipientTerms)):
        raise LookupError("a consent needs somebody who gives it, and a means of payment")
    if chosen is None or isinstance(terms, RecipientTerms):
        chosen = ChosenMethod(Method.ABT)
    return Consent(
        sender_id=visit.sender_id,
        method=chosen.method,
        payment_method_id=chosen.payment_method_id,
        payment_reason=terms.reason if terms.reason.strip() else None,
        valid_from=now if terms.starts_at is None else max(terms.starts_at, now),
        expires_at=terms.ends_at(now),
    )


def _recipient_token(terms: RecipientTerms, consent: Consent, grant: RecipientGrant) -> InstallToken:
    """The recipient's consent. A refund token without a name of the caller's is named by its own id."""
    accepted = ", ".join(f"'{method.value.lower()}'" for method in terms.accepted or ())
    return InstallToken(
        token_id=grant.token_id,
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
        refund_token=RefundToken(grant.refund_token_id, terms.refund_reference or grant.refund_token_id),
    )


def _sender_token(terms: SenderTerms, consent: Consent, token_id: TokenId, reference: str) -> InstallToken:
    return InstallToken(
        token_id=token_id,
        purpose=TokenPurpose.SENDER,
        token_type=terms.token_type,
        sender_id=consent.sender_id,
        caller_reference=reference,
        method=consent.method,
        payment_method_id=consent.payment_method_id,
        valid_from=consent.valid_from,
        expires_at=consent.expires_at,
        payment_reason=consent.payment_reason,
        terms=terms.agreed,
        limits=terms.limits,
    )


def _edited_token(terms: EditTerms, subject: VisitSubject, consent: Consent, token_id: TokenId) -> InstallToken:
    """Only the means of payment is new; the rule takes all else from the token that it replaces."""
    token_type = TokenType.MULTI_USE if subject.edited is None else subject.edited.token_type
    return InstallToken(
        token_id=token_id,
        purpose=TokenPurpose.SENDER,
        token_type=token_type,
        sender_id=consent.sender_id,
        caller_reference=terms.reference,
        method=consent.method,
        payment_method_id=consent.payment_method_id,
        valid_from=consent.valid_from,
        expires_at=consent.expires_at,
        replaces=terms.token_id,
    )


def purchase_reference(visit: Visit) -> str:
    """The name of a Simple Pay purchase in the books: one button serves many, and its visits tell them apart."""
    return f"simple-pay-{visit.visit_id}"


def payment(visit: Visit, terms: PurchaseTerms, subject: VisitSubject, ids: PurchaseIds, now: datetime) -> Pay:
    """The payment of a Simple Pay purchase. The same for the same visit, however often it is asked for."""
    return Pay(
        Request(
            transaction_id=ids.transaction_id,
            caller_id=subject.caller.party_id,
            caller_reference=purchase_reference(visit),
            fingerprint=blake2b(visit.visit_id.encode("ascii"), digest_size=32).digest(),
            requested_at=now,
            caller_description=terms.description,
            notification_url=terms.notification_url,
        ),
        ids.token_id,
        terms.amount_micros,
    )


def pays_so_already(subject: VisitSubject, choice: Choice) -> bool:
    """Whether the token of EditToken has this means of payment."""
    edited = subject.edited
    return (
        edited is not None
        and edited.method is choice.chosen.method
        and edited.payment_method_id == choice.chosen.payment_method_id
    )
