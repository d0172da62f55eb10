"""The grammar, and the parser: a text becomes statements, whose names and literals meaning.py checks.

    instruction = statement , { statement } ;
    statement   = ( condition | declaration ) , ";" ;
    condition   = name , ( comparison , literal | "in" , choices ) , [ "orSay" , text ] ;
    declaration = type , name , ":=" , literal ;
    comparison  = "==" | "=" | "!=" | "<" | "<=" | ">" | ">=" ;
    choices     = "(" , text , { "," , text } , ")" | text ;
    literal     = text | integer ;
    type        = "string" | "integer" | "money" | "duration" ;
    text        = "'" , { any character but a line break or a quote | "''" } , "'" ;
    integer     = digit , { digit } ;
    name        = ( letter | "_" ) , { letter | digit | "_" } ;

Blanks, tabs and line breaks separate and mean nothing else; upper and lower case differ; there are no comments.
A single ``=`` is read as ``==``: a guide page wrote it so. Choices in one text are separated by commas.
Nothing nests, so the bounds on length and number below bound all the work that a text can cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tallystick.domain.gatekeeper.faults import FaultError, InstructionFault, Place, bad_rule
from tallystick.domain.gatekeeper.lexer import Lexeme, LexemeKind, lexemes
from tallystick.domain.gatekeeper.vocabulary import ComparisonOperator, LiteralType, suggestion
from tallystick.domain.refusals import Refusal

MAX_TEXT_LENGTH: Final = 4096
"""Characters."""

MAX_STATEMENTS: Final = 50
MAX_FAULTS: Final = 20
"""Where so many were found, no more are looked for."""

IN: Final = "in"
OR_SAY: Final = "orSay"
_TYPES: Final = {type_.value: type_ for type_ in LiteralType}
_OPERATORS: Final = {"=": ComparisonOperator.EQUAL} | {operator.value: operator for operator in ComparisonOperator}


@dataclass(frozen=True, slots=True)
class RawCondition:
    """``name operator literals [orSay reason]``; more than one literal only after ``in``."""

    name: Lexeme
    operator: ComparisonOperator
    literals: tuple[Lexeme, ...]
    reason: Lexeme | None


@dataclass(frozen=True, slots=True)
class RawDeclaration:
    """``type name := literal``."""

    type: LiteralType
    name: Lexeme
    literal: Lexeme


RawStatement = RawCondition | RawDeclaration


def read_statements(text: str) -> tuple[list[RawStatement], list[InstructionFault]]:
    """The statements that have the right form, and a fault for each one that has not."""
    if len(text) > MAX_TEXT_LENGTH:
        message = f"The text is longer than {MAX_TEXT_LENGTH} characters."
        return [], [InstructionFault(Refusal.BadRule, Place(1, 1), message)]
    return _Reader(text).read()


class _Reader:
    """Goes through the lexemes once, one statement after the other; after a fault it goes on behind the next ";"."""

    def __init__(self, text: str) -> None:
        self._lexemes = lexemes(text)
        self._next = next(self._lexemes)

    def read(self) -> tuple[list[RawStatement], list[InstructionFault]]:
        statements: list[RawStatement] = []
        faults: list[InstructionFault] = []
        if self._next.kind is LexemeKind.END:
            faults.append(bad_rule(self._next.place, "The text says nothing.").fault)
        while self._next.kind is not LexemeKind.END and len(faults) < MAX_FAULTS:
            try:
                if len(statements) == MAX_STATEMENTS:
                    faults.append(_too_many(self._next).fault)
                    break
                statements.append(self._statement())
            except FaultError as error:
                faults.append(error.fault)
                self._skip()
        return statements, faults

    def _take(self) -> Lexeme:
        taken = self._next
        if taken.kind is not LexemeKind.END:
            self._next = next(self._lexemes)
        return taken

    def _expect(self, kind: LexemeKind, what: str) -> Lexeme:
        if self._next.kind is not kind:
            raise _unexpected(self._next, what)
        return self._take()

    def _skip(self) -> None:
        """Skip to after the next ";". A quoted text without an end has already taken the rest of its line."""
        while self._next.kind is not LexemeKind.END and self._take().kind not in {
            LexemeKind.SEMICOLON,
            LexemeKind.UNENDED,
        }:
            pass

    def _statement(self) -> RawStatement:
        first = self._expect(LexemeKind.NAME, "a condition or a declaration")
        declares = self._before(LexemeKind.NAME) and not self._before_word(IN)
        statement = self._declaration(first) if declares else self._condition(first)
        may_say_why = isinstance(statement, RawCondition) and statement.reason is None
        self._expect(LexemeKind.SEMICOLON, f'";" or {OR_SAY}' if may_say_why else '";"')
        return statement

    def _before(self, kind: LexemeKind) -> bool:
        return self._next.kind is kind

    def _before_word(self, word: str) -> bool:
        return self._before(LexemeKind.NAME) and self._next.value == word

    def _declaration(self, first: Lexeme) -> RawDeclaration:
        declared = _TYPES.get(first.value)
        if declared is None:
            hint = (
                suggestion(first.value, _TYPES)
                or suggestion(self._next.value, (IN,))
                or f"known types are {', '.join(_TYPES)}"
            )
            message = f"{first} is no type, and {self._next} after it no comparison; {hint}."
            raise bad_rule(first.place, message)
        name = self._take()
        self._expect(LexemeKind.ASSIGN, '":="')
        return RawDeclaration(declared, name, self._literal())

    def _condition(self, name: Lexeme) -> RawCondition:
        if self._before_word(IN):
            self._take()
            operator, literals = ComparisonOperator.IN, self._choices()
        else:
            sign = self._expect(LexemeKind.OPERATOR, "a comparison (==, !=, <, <=, >, >= or in)")
            operator, literals = _OPERATORS[sign.value], (self._literal(),)
        reason = None
        if self._before_word(OR_SAY):
            self._take()
            reason = self._expect(LexemeKind.TEXT, "a text in single quotes")
        return RawCondition(name, operator, literals, reason)

    def _literal(self) -> Lexeme:
        if self._next.kind not in {LexemeKind.TEXT, LexemeKind.INTEGER}:
            raise _unexpected(self._next, "a value: a text in single quotes or a whole number")
        return self._take()

    def _choices(self) -> tuple[Lexeme, ...]:
        if not self._before(LexemeKind.OPEN):
            listed = self._expect(LexemeKind.TEXT, "a list of texts, such as ('abt', 'cc')")
            return tuple(
                Lexeme(LexemeKind.TEXT, choice.strip(" \t"), listed.place) for choice in listed.value.split(",")
            )
        self._take()
        choices = [self._expect(LexemeKind.TEXT, "a text in single quotes")]
        while self._before(LexemeKind.COMMA):
            self._take()
            choices.append(self._expect(LexemeKind.TEXT, "a text in single quotes"))
        self._expect(LexemeKind.CLOSE, '"," or ")"')
        return tuple(choices)


def _unexpected(found: Lexeme, what: str) -> FaultError:
    if found.kind is LexemeKind.UNENDED:
        return bad_rule(found.place, "The text that begins here has no closing quote on its line.")
    return bad_rule(found.place, f"Expected {what}, found {found}.")


def _too_many(found: Lexeme) -> FaultError:
    return bad_rule(found.place, f"The text has more than {MAX_STATEMENTS} statements.")
