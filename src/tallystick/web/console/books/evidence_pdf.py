"""The evidence in a dispute as one PDF, in English: it goes to a bank."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final

from fpdf.enums import XPos, YPos

from tallystick.domain.money import USD, display_amount
from tallystick.services.disputes.evidence import MOST_CHARGES
from tallystick.web.common.browser.visitors import device
from tallystick.web.common.paper.paper import INK, MARGIN, SOFT, Paper
from tallystick.web.console.wording import METHODS, OPERATIONS, STATUSES

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.services.disputes.evidence import DisputeEvidence, Evidence

_LINE: Final = 5.2
_WIDTHS: Final = (38, 38, 68, 30)
_LONGEST_TEXT: Final = 90  # characters of a description in the table
_PROVED_BY: Final = {"code": "a code of an app", "mailed": "a code that was mailed to them"}
_TAG: Final = re.compile(r"<[^>]*>")


def as_pdf(shown: DisputeEvidence) -> bytes:
    """The file: the charge, what was agreed to word for word, how, and what was charged since."""
    dispute = shown.dispute
    paper = Paper(f"Evidence: dispute {dispute.reference}", f"Dispute {dispute.reference}, {dispute.bearer_name}")
    paper.set_lang("en")
    paper.write_line("Evidence in a payment dispute", size=18, bold=True)
    paper.ln(3)
    facts = [
        ("Dispute", dispute.reference),
        ("Disputed amount", _money(dispute.asked_micros)),
        ("Reason given", dispute.reason or "none"),
        ("Seller", f"{dispute.bearer_name}, {dispute.bearer_email}"),
        ("Buyer", f"{dispute.buyer_name}, {dispute.buyer_email}" if dispute.buyer_name else "not on record"),
        ("Charge", dispute.original_id),
        ("Charged at", "in the archive" if dispute.charged_at is None else _moment(dispute.charged_at)),
        ("Charged by", METHODS.get(dispute.payment_method or "", "not on record")),
        ("Description for the buyer", dispute.sender_description or "none"),
    ]
    if dispute.environment != "live":
        facts.insert(0, ("Test mode", "no real money moved"))
    _facts(paper, facts)
    if shown.agreed is None:
        _heading(paper, "What the buyer agreed to")
        paper.write_line("No record of an agreement on a page of this service is kept for this authorization.")
    else:
        _agreement(paper, shown.agreed)
    _charges(paper, shown)
    return bytes(paper.output())


def _agreement(paper: Paper, agreed: Evidence) -> None:
    said = agreed.wording
    _heading(paper, "What the buyer agreed to, word for word")
    paper.write_line(f"{said['label']}: {said['figure']}", bold=True)
    paper.write_line(said["summary"])
    if said["reason"]:
        paper.write_line(unescape(_TAG.sub(" ", said["reason"])).strip())
    if said["source"]:
        paper.write_line(f"{said['source_label']}: {said['source']}")
    for line in said["address"]:
        paper.write_line(line)
    for name, figure in said["lines"]:
        paper.write_line(f"{name}: {figure}")
    paper.ln(1)
    paper.write_line(said["heading"], bold=True)
    for promise in said["promises"]:
        paper.write_line(f"-  {promise}")
    paper.write_line(said["closing"], bold=True)
    paper.write_line(f"Button that was pressed: {said['button']}")
    _heading(paper, "When and from where")
    _facts(
        paper,
        [
            ("Agreed at", _moment(agreed.agreed_at)),
            ("Identity proved at", _moment(agreed.proved_at)),
            ("Identity proved by", _PROVED_BY.get(agreed.proved_by, agreed.proved_by)),
            ("Browser", device(agreed.user_agent)),
            ("Digest of the address", "not kept" if agreed.client_digest is None else agreed.client_digest.hex()),
            ("Digest of the words", agreed.digest.hex()),
            ("Language of the page", said["language"]),
        ],
    )


def _charges(paper: Paper, shown: DisputeEvidence) -> None:
    _heading(paper, "Every movement under this authorization")
    if not shown.lines:
        paper.write_line("None is on record here.", soft=True)
        return
    if len(shown.lines) == MOST_CHARGES:
        paper.write_line(f"The newest {MOST_CHARGES}.", soft=True)
    _row(paper, ("When", "What", "Description", "Amount"), head=True)
    for line in shown.lines:
        if paper.will_page_break(2 * _LINE):
            paper.add_page()
            _row(paper, ("When", "What", "Description", "Amount"), head=True)
        text = (line.sender_description or line.caller_reference)[:_LONGEST_TEXT]
        what = f"{OPERATIONS.get(line.operation, line.operation)}, {STATUSES[line.status][0].lower()}"
        _row(paper, (f"{line.received_at:%Y-%m-%d %H:%M:%S}", what, text, _money(line.amount_micros)))


def _row(paper: Paper, cells: tuple[str, str, str, str], *, head: bool = False) -> None:
    paper.pick(bold=head, size=8)
    paper.set_text_color(*(SOFT if head else INK))
    paper.rule()
    top, left, bottom = paper.get_y() + 0.8, float(MARGIN), 0.0
    for number, (width, text) in enumerate(zip(_WIDTHS, cells, strict=True)):
        paper.set_xy(left, top)
        paper.multi_cell(width - 2, _LINE - 1, text, align="R" if number == len(cells) - 1 else "L")
        bottom = max(bottom, paper.get_y())
        left += width
    paper.set_xy(MARGIN, bottom + 0.8)


def _facts(paper: Paper, facts: list[tuple[str, str]]) -> None:
    for name, value in facts:
        paper.pick(size=9)
        paper.set_text_color(*SOFT)
        paper.cell(48, _LINE, name)
        paper.set_text_color(*INK)
        paper.multi_cell(0, _LINE, value, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _heading(paper: Paper, text: str) -> None:
    paper.ln(5)
    paper.write_line(text, size=12, bold=True)
    paper.ln(1)


def _money(micros: int) -> str:
    return f"{display_amount(micros)} {USD}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
