"""The payment-instruction language (GateKeeper): what may be done with a token, said in text.

`parse` reads a text as an `Instruction` or finds every fault in it; `usage_faults` holds an instruction against the
kind of token that it is for; `evaluate` tells which of its conditions a transaction breaks. All of it is pure.
The grammar is in syntax.py, the names and what they may be compared with in vocabulary.py.
Source: docs/protocol/semantics.md, 12. What was inferred is listed in docs/gatekeeper.md.
"""

from tallystick.domain.gatekeeper.evaluate import Facts, evaluate, incompatible, possible_roles
from tallystick.domain.gatekeeper.faults import InstructionFault
from tallystick.domain.gatekeeper.instruction import Condition, Declaration, Instruction
from tallystick.domain.gatekeeper.meaning import parse, usage_faults
from tallystick.domain.gatekeeper.syntax import MAX_FAULTS, MAX_STATEMENTS, MAX_TEXT_LENGTH
from tallystick.domain.gatekeeper.vocabulary import ComparisonOperator, LiteralType, TransactionRole, Variable

__all__ = [
    "MAX_FAULTS",
    "MAX_STATEMENTS",
    "MAX_TEXT_LENGTH",
    "ComparisonOperator",
    "Condition",
    "Declaration",
    "Facts",
    "Instruction",
    "InstructionFault",
    "LiteralType",
    "TransactionRole",
    "Variable",
    "evaluate",
    "incompatible",
    "parse",
    "possible_roles",
    "usage_faults",
]
