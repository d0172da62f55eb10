"""An SQL script as the statements it consists of, for those who have to send them one by one.

A semicolon ends a statement, except within what PostgreSQL reads as one piece: strings, quoted names, dollar quotes,
comments (which nest), parentheses, and the body of a function between BEGIN ATOMIC and END. Source: PostgreSQL 18's
documentation, 4.1 Lexical Structure; what `psql` does with a script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_TOKEN: Final = re.compile(
    r"""
      (?P<space> \s+ )
    | (?P<line_comment> --[^\r\n]* )
    | (?P<block_comment> /\* )                                      # its end is looked for by hand: comments nest
    | (?P<escape_string> [eE]'(?: [^'\\] | \\. | '' )*' )           # here a backslash may hide a quote
    | (?P<string> '(?: [^'] | '' )*' )                              # with standard_conforming_strings, the default
    | (?P<name> "(?: [^"] | "" )*" )
    | (?P<dollar_quote> \$(?P<tag> (?: [^\W\d]\w* )? )\$ .*? \$(?P=tag)\$ )
    | (?P<unclosed> [eE]?' | " | \$(?: [^\W\d]\w* )?\$ )
    | (?P<word> [^\W\d][\w$]* )                                     # a $ within a word begins no quote
    | (?P<other> \d[\w$]* | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE: Final = re.compile(r"/\*|\*/")


def split_script(script: str) -> list[str]:
    """The statements of a script in order, without the semicolons between them and without what is comment only.

    Raises ValueError: a string, a quoted name or a comment has no end.
    """
    statements: list[str] = []
    begin, body = 0, _Body()
    holds_any = False
    for kind, piece, end in tokens(script):
        if piece == ";" and body.is_closed:
            if holds_any:
                statements.append(script[begin : end - 1].strip())
            begin, body, holds_any = end, _Body(), False
        elif kind not in {"space", "line_comment", "block_comment"}:
            body.follow(kind, piece)
            holds_any = True
    if holds_any:
        statements.append(script[begin:].strip())
    return statements


class _Body:
    """Whether a statement is within parentheses or within the body of a function."""

    def __init__(self) -> None:
        self._parentheses = 0
        self._blocks = 0
        self._before = ""

    @property
    def is_closed(self) -> bool:
        return self._parentheses <= 0 and self._blocks == 0

    def follow(self, kind: str, piece: str) -> None:
        self._parentheses += (piece == "(") - (piece == ")")
        word = piece.upper() if kind == "word" else ""
        if word == "ATOMIC" and self._before == "BEGIN":
            self._blocks = 1
        elif self._blocks and word == "CASE":  # it has an END, too
            self._blocks += 1
        elif self._blocks and word == "END":
            self._blocks -= 1
        self._before = word


def tokens(script: str) -> Iterator[tuple[str, str, int]]:
    """Kind, text and end of each token. Raises ValueError: a string, a quoted name or a comment has no end."""
    place = 0
    while (found := _TOKEN.match(script, place)) is not None:
        kind, place = str(found.lastgroup), found.end()
        if kind == "block_comment":
            place = _end_of_comment(script, place)
        elif kind == "unclosed":
            raise ValueError(f"the quote at {_line(script, found.start())} has no end")
        yield kind, found[0], place


def _end_of_comment(script: str, place: int) -> int:
    begin, depth = place, 1
    while depth:
        edge = _COMMENT_EDGE.search(script, place)
        if edge is None:
            raise ValueError(f"the comment at {_line(script, begin)} has no end")
        depth += 1 if edge[0] == "/*" else -1
        place = edge.end()
    return place


def _line(script: str, place: int) -> str:
    return f"line {script.count(chr(10), 0, place) + 1}"
