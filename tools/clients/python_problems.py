"""Writes problems.py of the Python client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tools.clients.operations import MADE, Operation, class_name, codes_of

GROUPS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("BadRequestError", "The form of the request is wrong."),
    401: ("UnauthorizedError", "The secret is wrong."),
    402: ("PaymentRequiredError", "Money is lacking, or a limit was hit."),
    403: ("ForbiddenError", "The key is not for this."),
    404: ("MissingError", "It is not there, or not yours."),
    405: ("BadMethodError", "The path does not take this method."),
    409: ("ConflictError", "It contradicts what was done before."),
    410: ("GoneError", "It is kept no longer."),
    413: ("TooLargeError", "The body is too large."),
    415: ("BadMediaTypeError", "The body is no JSON."),
    422: ("UnprocessableError", "A rule forbids it."),
    429: ("RateLimitError", "Too often, or too many requests of this key wait."),
    500: ("ServerFaultError", "A fault of the service."),
    503: ("UnavailableError", "Not now: try again with the same key."),
}
"""Classes above those of the codes, by HTTP status."""


def problems(operations: list[Operation]) -> str:
    """problems.py."""
    codes = codes_of(operations)
    groups = {status: name for status, (name, _) in GROUPS.items()}
    names = {code: f"{class_name(code)}Error".replace("ErrorError", "Error") for code in sorted(codes)}
    clash = set(names.values()) & set(groups.values())
    if clash:
        raise ValueError(f"a code has the name of a group: {clash}")
    lines = [
        f'"""A class for each code of a problem. {MADE}"""\n',
        "from __future__ import annotations\n",
        "from collections.abc import Mapping",
        "from typing import Final\n",
        "from tallystick_client.errors import ProblemError\n\n",
    ]
    for status, (name, meaning) in GROUPS.items():
        lines.append(
            f'class {name}(ProblemError):\n    """{meaning} Status {status}."""\n\n    http_status = {status}\n\n'
        )
    for code, name in names.items():
        lines.append(f'class {name}({groups[codes[code]]}):\n    """The code `{code}`."""\n\n')
    by_status = ", ".join(f"{status}: {name}" for status, name in groups.items())
    by_code = ", ".join(f'"{code}": {name}' for code, name in names.items())
    lines.append(f"BY_STATUS: Final[Mapping[int, type[ProblemError]]] = {{{by_status},}}")
    lines.append(f"BY_CODE: Final[Mapping[str, type[ProblemError]]] = {{{by_code},}}\n\n")
    lines.append(
        "def problem_class(code: object, status: int) -> type[ProblemError]:\n"
        '    """The class of a code or, of one that this version does not know, of its status."""\n'
        "    known = BY_CODE.get(code) if isinstance(code, str) else None\n"
        "    return known or BY_STATUS.get(status, ProblemError)\n"
    )
    return "\n".join(lines)
