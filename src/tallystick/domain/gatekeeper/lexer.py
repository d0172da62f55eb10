"""A text cut into words, literals and signs. Takes every text; what it cannot read becomes a lexeme of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, unique
from typing import TYPE_CHECKING, Final

from tallystick.domain.gatekeeper.faults import Place

if TYPE_CHECKING:
    from collections.abc import Iterator


_SHOWN_LENGTH: Final = 60


@unique
class LexemeKind(Enum):
    """What a lexeme is."""

    NAME = "name"
    TEXT = "text"
    INTEGER = "integer"
    ASSIGN = "assign"
    OPERATOR = "operator"
    OPEN = "open"
    CLOSE = "close"
    COMMA = "comma"
    SEMICOLON = "semicolon"
    UNENDED = "unended"
    STRANGE = "strange"
    END = "end"


@dataclass(frozen=True, slots=True)
class Lexeme:
    """One piece of a text. `value` of a TEXT is what is between its quotes."""

    kind: LexemeKind
    value: str
    place: Place

    def __str__(self) -> str:
        """As messages quote it, long ones cut."""
        if self.kind is LexemeKind.END:
            return "the end of the text"
        if self.kind is LexemeKind.STRANGE and not self.value.isprintable():
            return f"the character U+{ord(self.value):04X}"
        shown = self.value if len(self.value) <= _SHOWN_LENGTH else self.value[:_SHOWN_LENGTH] + "…"
        return quoted(shown) if self.kind is LexemeKind.TEXT else f'"{shown}"'


def quoted(value: str) -> str:
    """A text as it is written in an instruction: in single quotes, a quote within it doubled."""
    return "'" + value.replace("'", "''") + "'"


# Possessive repeats (`*+`) keep the time linear in the text's length, whatever the text is. A text in quotes ends on
# its line and holds no control characters but tabs.
_LEXEME: Final = re.compile(
    r"""
      (?P<blank>[ \t]++)
    | (?P<newline>\r\n|\r|\n)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*+)
    | (?P<text>'(?:[^'\x00-\x08\x0a-\x1f\x7f]|'')*+')
    | (?P<unended>'[^\r\n]*+)
    | (?P<integer>[0-9]++)
    | (?P<assign>:=)
    | (?P<operator>==|!=|<=|>=|=|<|>)
    | (?P<open>\()
    | (?P<close>\))
    | (?P<comma>,)
    | (?P<semicolon>;)
    | (?P<strange>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def lexemes(text: str) -> Iterator[Lexeme]:
    """The lexemes of any text, an END last."""
    line, line_start = 1, 0
    for match in _LEXEME.finditer(text):
        group, value = str(match.lastgroup), match[0]
        if group == "newline":
            line, line_start = line + 1, match.end()
        elif group != "blank":
            if group == "text":
                value = value[1:-1].replace("''", "'")
            yield Lexeme(LexemeKind(group), value, Place(line, match.start() - line_start + 1))
    yield Lexeme(LexemeKind.END, "", Place(line, len(text) - line_start + 1))
