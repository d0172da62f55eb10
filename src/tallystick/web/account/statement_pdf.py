"""A month's statement as PDF. Why so: docs/decisions/041."""

from __future__ import annotations

from typing import Final, cast

from fpdf.enums import XPos, YPos

from tallystick.services.buyer.monthly import MonthTotal, Statement
from tallystick.services.identity.accounts import Party
from tallystick.web.account.statement_words import detail_of
from tallystick.web.common.agreements.authorization_text import AuthorizationText
from tallystick.web.common.agreements.history_text import kind_in_words
from tallystick.web.common.paper.paper import INK, MARGIN, SOFT, Paper
from tallystick.words import ENGLISH, date_of, day, dollars, signed, speaking, spoken
from tallystick.words import gettext as _
from tallystick.words.figures import month_of, number

LINE: Final = 5.2
WIDTHS: Final = (32, 84, 29, 29)  # of the table's columns; together the width of an A4 page within its margins
LONGEST_DETAIL: Final = 240  # characters of a description


def as_pdf(statement: Statement, party: Party) -> bytes:
    """The statement on A4 pages. Arabic needs a library to join its letters, so that one is in English."""
    language = ENGLISH if spoken().direction == "rtl" else spoken()
    with speaking(language):
        subject = f"{statement.state.seller}, {month_of(statement.month.begin)}"
        paper = Paper(_("Statement: %(subject)s", subject=subject), subject)
        paper.set_lang(language.code)
        _head(paper, statement, party)
        _totals(paper, statement)
        _lines(paper, statement)
        return bytes(paper.output())


def _head(paper: Paper, statement: Statement, party: Party) -> None:
    state = statement.state
    paper.write_line("Tallystick", size=9, bold=True, soft=True)
    paper.ln(2)
    paper.write_line(_("Statement for %(month)s", month=month_of(statement.month.begin)), size=18, bold=True)
    paper.ln(2)
    paper.write_line(f"{state.seller}: {AuthorizationText(state).label}", size=11)
    paper.write_line(
        _(
            "%(begin)s to %(end)s. All times are UTC.",
            begin=date_of(statement.month.begin),
            end=date_of(statement.until),
        ),
        soft=True,
    )
    if state.sandbox:
        paper.write_line(_("Test mode: no real money moved."), bold=True)
    if not statement.over:
        paper.write_line(_("The month is not over: as of %(day)s.", day=day(statement.until)), bold=True)
    paper.ln(3)
    paper.write_line(f"{party.name}, {party.email}")
    paper.write_line(_("Authorization %(id)s", id=state.authorization.authorization_id), size=8, soft=True)
    paper.ln(5)


def _totals(paper: Paper, statement: Statement) -> None:
    label = AuthorizationText(statement.state).running_label
    rows = [
        (_("%(figure)s at the beginning", figure=label), dollars(statement.opening_micros), True),
        *(
            (f"{kind_in_words(total.kind)} ({number(total.count)})", signed(total.change_micros), False)
            for total in statement.totals
        ),
        (_("%(figure)s at the end", figure=label), dollars(statement.closing_micros), True),
    ]
    for name, amount, bold in rows:
        paper.rule()
        paper.pick(bold=bold)
        paper.set_text_color(*INK)
        paper.cell(sum(WIDTHS[:3]), LINE + 2, name)
        paper.cell(WIDTHS[3], LINE + 2, amount, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    paper.rule()
    paper.ln(8)


def _total(total: MonthTotal) -> str:
    return f"{kind_in_words(total.kind)} ({number(total.count)})"


def _lines(paper: Paper, statement: Statement) -> None:
    if not statement.lines:
        paper.write_line(_("Nothing moved."), soft=True)
        return
    if statement.by_day:
        paper.write_line(_("One line for each day and kind. The CSV statement has every single one."), soft=True)
        paper.ln(2)
    _table_head(paper, statement)
    for line in statement.lines:
        kind, detail = kind_in_words(line.kind), detail_of(line)
        text_of_line = kind if not detail else f"{kind}: {detail[:LONGEST_DETAIL]}"
        paper.pick(size=8.5)
        paper.set_text_color(*INK)
        lines = paper.multi_cell(WIDTHS[1] - 3, LINE, text_of_line, dry_run=True, output="LINES")
        wrapped = cast("list[str]", lines)  # what output="LINES" gives
        if paper.will_page_break(LINE * len(wrapped) + 2):
            paper.add_page()
            _table_head(paper, statement)
        paper.rule()
        top = paper.get_y() + 1
        cells = (date_of(line.at), None, signed(line.change_micros), dollars(line.running_micros))
        paper.pick(size=8.5)
        paper.set_text_color(*INK)
        left = MARGIN
        for width, text in zip(WIDTHS, cells, strict=True):
            paper.set_xy(left, top)
            if text is None:
                paper.multi_cell(width - 3, LINE, "\n".join(wrapped), align="L")
            else:
                paper.cell(width, LINE, text, align="L" if left == MARGIN else "R")
            left += width
        paper.set_xy(MARGIN, top + LINE * len(wrapped) + 1)
    paper.rule()


def _table_head(paper: Paper, statement: Statement) -> None:
    paper.pick(bold=True, size=8.5)
    paper.set_text_color(*SOFT)
    for index, name in enumerate((_("Date"), _("What"), _("Amount"), AuthorizationText(statement.state).running_label)):
        paper.cell(WIDTHS[index], LINE + 1, name, align="L" if index < 2 else "R")  # noqa: PLR2004 - two are texts
    paper.ln(LINE + 1)
