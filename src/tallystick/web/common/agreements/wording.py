"""The words of a confirmation page: what somebody agrees to, in the language that is spoken.

The page shows them; what was agreed to keeps them.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.services.consent.evidence import Wording
from tallystick.services.consent.terms import PrepaidTerms, SenderTerms
from tallystick.web.common.agreements.agreed import Agreed, agreed_in_visit
from tallystick.web.common.agreements.consent_text import LINE_NAMES, promises
from tallystick.web.common.agreements.offers import offer
from tallystick.web.common.agreements.payment_method_text import noun, title_and_expiry
from tallystick.words import dollars, spoken
from tallystick.words import gettext as _

if TYPE_CHECKING:
    from tallystick.services.consent.subject import VisitSubject
    from tallystick.services.consent.terms import AnyTerms
    from tallystick.services.consent.visits import Visit
    from tallystick.services.consent.wallet import Choice


def agreed_of(subject: VisitSubject) -> Agreed:
    """What is to be agreed to in a visit, for the texts about it."""
    return agreed_in_visit(subject.terms, subject.names, subject.edited, subject.redemption)


def lines_of(terms: AnyTerms) -> list[tuple[str, str]]:
    """What the amount is made of, as the seller says, and the amount itself; empty where it says nothing."""
    if not isinstance(terms, SenderTerms) or not terms.lines:
        return []
    minus = {"discount": "\N{MINUS SIGN}"}
    said = [(_(LINE_NAMES[name]), f"{minus.get(name, '')}{dollars(micros)}") for name, micros in terms.lines]
    return [*said, (_("To pay"), dollars(terms.agreed.amount_micros or 0))]


def wording_of(visit: Visit, subject: VisitSubject, choice: Choice | None, now: datetime) -> Wording:
    """The words for this means of payment; None: nothing is paid. `now` is the book's time."""
    terms, agreed = subject.terms, agreed_of(subject)
    offered = offer(agreed)
    address = visit.choices.address if terms.collect_address else terms.address
    return Wording(
        seller=subject.caller.name,
        label=offered.label,
        figure=f"{offered.qualifier} {offered.figure}".strip(),
        summary=offered.summary,
        source_label=offered.source_label,
        source="" if choice is None else title_and_expiry(choice),  # of an account balance without its amount
        address=() if address is None else address.lines,
        lines=tuple(lines_of(terms)),
        promises=tuple(promises(agreed, "" if choice is None else noun(choice), now)),
        reason=terms.reason_html or "",
        heading=_("What you agree to"),
        closing=offered.closing,
        button=offered.button,
        language=spoken().code,
        environment=visit.environment,
        redemption=subject.redemption if isinstance(terms, PrepaidTerms) else None,
    )
