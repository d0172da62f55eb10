# cython: language_level=3, boundscheck=False, wraparound=False
"""What a plain payment asks for: its amount, its digest, and a charge in JSON or a line of a batch as most of them are.

As in _plain_requests.pyx, None says no more than that somebody else has to look. The twins in Python are in
web/v1/charging/plain.py, domain/money.py and services/api/call.py, and of a line it is the general way in which the
batch call reads one; tests/web/v1/test_plain_bodies.py, tests/web/api/test_plain_requests.py and
tests/web/api/test_plain_lines.py hold them against each other.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeASCII
from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy

from hashlib import blake2b

from tallystick.domain._speedups import book_of_token

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)

cdef enum:
    MOST_BYTES = 4096  # of a body
    MOST_WHOLE_DIGITS = 13
    MOST_DECIMALS = 6
    MOST_OF_REFERENCE = 128
    MOST_OF_DESCRIPTION = 160
    ID_LENGTH = 64

    AUTHORIZATION = 0
    AMOUNT
    CURRENCY
    DESCRIPTION
    NOTE
    MEMBERS  # so many

    REFERENCE = 0  # and so many has a line
    TOKEN
    VALUE
    OF_CALLER
    OF_SENDER

cdef struct Text:
    const char* start  # NULL: it was not given
    Py_ssize_t size

ctypedef int (*MemberOf)(const Text* name) noexcept nogil

cdef uint64_t MAX_AMOUNT_MICROS = 1_000_000_000_000_000_000
cdef uint64_t MICROS_PER_UNIT = 1_000_000
cdef object EMPTY_DIGEST = blake2b(digest_size=32)


cdef bint read_amount(const char* text, Py_ssize_t size, uint64_t* micros) noexcept nogil:
    """An amount above zero in micro-units, as `parse_amount` of domain/money.py reads it."""
    cdef Py_ssize_t at = 0
    cdef uint64_t value = 0
    cdef int decimals = 0
    if size > MOST_WHOLE_DIGITS + 1 + MOST_DECIMALS:
        return False
    while at < size and at < MOST_WHOLE_DIGITS and c"0" <= text[at] <= c"9":
        value = 10 * value + <uint64_t>(text[at] - c"0")
        at += 1
    if at == 0:
        return False
    if at < size:
        if text[at] != c"." or size - at - 1 > MOST_DECIMALS or size - at == 1:
            return False
        at += 1
        while at < size:
            if not c"0" <= text[at] <= c"9":
                return False
            value = 10 * value + <uint64_t>(text[at] - c"0")
            decimals += 1
            at += 1
    while decimals < MOST_DECIMALS:  # with thirteen digits before the point it has nineteen: they fit
        value *= 10
        decimals += 1
    micros[0] = value
    return 0 < value < MAX_AMOUNT_MICROS


cdef bytes digest_of(str of_caller, str reference, str of_sender, str token, uint64_t micros):
    """The digest of a Pay with these values, which `is_plain` is true of: `fingerprint` of services/api/call.py."""
    cdef char text[1024]  # the values have 535 bytes at most, names and marks 172
    cdef char* at = text
    memcpy(at, b'["Pay",[', 8)
    at += 8
    if of_caller is not None:
        at = write_member(at, b"CallerDescription", 17, of_caller)
    at = write_member(at, b"CallerReference", 15, reference)
    if of_sender is not None:
        at = write_member(at, b"SenderDescription", 17, of_sender)
    at = write_member(at, b"SenderTokenId", 13, token)
    at = write_member(at, b"TransactionAmount.CurrencyCode", 30, "USD")
    at = write_member(at, b"TransactionAmount.Value", 23, displayed(micros))
    memcpy(at - 1, b"]]", 2)  # no comma after the last one
    found = EMPTY_DIGEST.copy()
    found.update(PyBytes_FromStringAndSize(text, at + 1 - text))
    return found.digest()


cdef char* write_member(char* at, const char* name, Py_ssize_t name_size, str value) except NULL:
    """Write a name with its value, and where to go on."""
    cdef Py_ssize_t size
    cdef const char* text = PyUnicode_AsUTF8AndSize(value, &size)
    memcpy(at, b'["', 2)
    memcpy(at + 2, name, name_size)
    at += 2 + name_size
    memcpy(at, b'","', 3)
    memcpy(at + 3, text, size)
    memcpy(at + 3 + size, b'"],', 3)
    return at + 6 + size


cdef str displayed(uint64_t micros):
    """Two decimals, more only where they carry something: `display_amount` of domain/money.py."""
    cdef char text[32]
    cdef char* at = text + 32
    cdef uint64_t rest = micros % MICROS_PER_UNIT, whole = micros // MICROS_PER_UNIT
    cdef int left = MOST_DECIMALS
    while left > 2 and rest % 10 == 0:
        rest //= 10
        left -= 1
    while left:
        at -= 1
        at[0] = <char>(c"0" + rest % 10)
        rest //= 10
        left -= 1
    at -= 1
    at[0] = c"."
    while True:
        at -= 1
        at[0] = <char>(c"0" + whole % 10)
        whole //= 10
        if not whole:
            break
    return PyUnicode_DecodeASCII(at, text + 32 - at, NULL)


cdef bint is_plain(str text, Py_ssize_t most) except -1:
    """Whether it has from one to so many characters, of visible ASCII that is as it is in JSON, too."""
    cdef Py_ssize_t size, at
    cdef const char* start
    if not PyUnicode_IS_ASCII(text):
        return False
    start = PyUnicode_AsUTF8AndSize(text, &size)
    if not 0 < size <= most:
        return False
    for at in range(size):
        if not is_visible(start[at]):
            return False
    return True


cdef inline bint is_visible(char byte) noexcept nogil:
    return 32 <= byte < 127 and byte != c'"' and byte != c"\\"


def digest_of_pay(
    str of_caller, str reference not None, str of_sender, str token not None, uint64_t micros
):
    """The digest of a Pay in USD with these values; None where one of them is not plain."""
    if (
        (of_caller is None or is_plain(of_caller, MOST_OF_DESCRIPTION))
        and (of_sender is None or is_plain(of_sender, MOST_OF_DESCRIPTION))
        and is_plain(reference, MOST_OF_REFERENCE)
        and is_plain(token, ID_LENGTH)
        and micros < MAX_AMOUNT_MICROS
    ):
        return digest_of(of_caller, reference, of_sender, token, micros)
    return None


def read_charge(bytes body not None):
    """A charge in JSON: (authorization, micro-units, description, note); None where it is not plain.

    Each member is there once, as text that is visible ASCII without escapes. An empty description or note counts as
    not given.
    """
    cdef Text given[MEMBERS]
    cdef uint64_t micros = 0
    if not parse(PyBytes_AS_STRING(body), PyBytes_GET_SIZE(body), given, member_of_charge):
        return None
    if (
        given[AUTHORIZATION].start == NULL
        or given[AMOUNT].start == NULL
        or not read_amount(given[AMOUNT].start, given[AMOUNT].size, &micros)
        or given[DESCRIPTION].size > MOST_OF_DESCRIPTION
        or given[NOTE].size > MOST_OF_DESCRIPTION
        or (given[CURRENCY].start != NULL and not is_text(&given[CURRENCY], b"USD", 3))
    ):
        return None
    return (
        PyUnicode_DecodeASCII(given[AUTHORIZATION].start, given[AUTHORIZATION].size, NULL),
        micros,
        text_of(&given[DESCRIPTION]),
        text_of(&given[NOTE]),
    )


def read_line(bytes line not None):
    """A line of a batch: (reference, token, its book, micro-units, digest, caller's description, sender's description).

    None where it is not plain: as for a charge; besides, the token is one of a balance or a tab.
    """
    cdef Text given[MEMBERS]
    cdef uint64_t micros = 0
    if not parse(PyBytes_AS_STRING(line), PyBytes_GET_SIZE(line), given, member_of_line):
        return None
    if (
        not 0 < given[REFERENCE].size <= MOST_OF_REFERENCE
        or given[TOKEN].size != ID_LENGTH
        or (given[TOKEN].start[0] != c"S" and given[TOKEN].start[0] != c"D")
        or given[VALUE].start == NULL
        or not read_amount(given[VALUE].start, given[VALUE].size, &micros)
        or given[OF_CALLER].size > MOST_OF_DESCRIPTION
        or given[OF_SENDER].size > MOST_OF_DESCRIPTION
    ):
        return None
    token = PyUnicode_DecodeASCII(given[TOKEN].start, ID_LENGTH, NULL)
    book = book_of_token(token)
    if book is None:
        return None
    reference = PyUnicode_DecodeASCII(given[REFERENCE].start, given[REFERENCE].size, NULL)
    of_caller, of_sender = text_of(&given[OF_CALLER]), text_of(&given[OF_SENDER])
    digest = digest_of(of_caller, reference, of_sender, token, micros)
    return reference, token, book, micros, digest, of_caller, of_sender


cdef str text_of(const Text* text):
    return PyUnicode_DecodeASCII(text.start, text.size, NULL) if text.size else None


cdef inline bint is_text(const Text* text, const char* wanted, Py_ssize_t size) noexcept nogil:
    return text.size == size and memcmp(text.start, wanted, size) == 0


cdef bint parse(const char* at, Py_ssize_t size, Text* given, MemberOf member_of) noexcept nogil:
    """Find the members of an object. Nothing may stand before or after it but white space."""
    cdef const char* end = at + size
    cdef Text name
    cdef int member
    for member in range(MEMBERS):
        given[member].start = NULL
        given[member].size = 0
    if size > MOST_BYTES or not take(&at, end, c"{"):
        return False
    while True:
        if not take_text(&at, end, &name):
            return False
        member = member_of(&name)
        if member == MEMBERS or given[member].start != NULL:
            return False
        if not take(&at, end, c":") or not take_text(&at, end, &given[member]):
            return False
        if take(&at, end, c","):
            continue
        if not take(&at, end, c"}"):
            return False
        skip(&at, end)
        return at == end


cdef int member_of_line(const Text* name) noexcept nogil:
    if is_text(name, b"caller_reference", 16):
        return REFERENCE
    if is_text(name, b"sender_token_id", 15):
        return TOKEN
    if is_text(name, b"amount", 6):
        return VALUE
    if is_text(name, b"caller_description", 18):
        return OF_CALLER
    if is_text(name, b"sender_description", 18):
        return OF_SENDER
    return MEMBERS


cdef int member_of_charge(const Text* name) noexcept nogil:
    if is_text(name, b"authorization", 13):
        return AUTHORIZATION
    if is_text(name, b"amount", 6):
        return AMOUNT
    if is_text(name, b"currency", 8):
        return CURRENCY
    if is_text(name, b"description", 11):
        return DESCRIPTION
    if is_text(name, b"note", 4):
        return NOTE
    return MEMBERS


cdef inline void skip(const char** at, const char* end) noexcept nogil:
    """Go on behind the white space of JSON. Source: RFC 8259, 2."""
    while at[0] < end and (at[0][0] == c" " or at[0][0] == c"\n" or at[0][0] == c"\t" or at[0][0] == c"\r"):
        at[0] += 1


cdef inline bint take(const char** at, const char* end, char mark) noexcept nogil:
    """Go on behind a mark, if that is what comes next."""
    skip(at, end)
    if at[0] == end or at[0][0] != mark:
        return False
    at[0] += 1
    return True


cdef inline bint take_text(const char** at, const char* end, Text* text) noexcept nogil:
    """Go on behind a text, if that is what comes next, and all of it is as it is meant."""
    if not take(at, end, c'"'):
        return False
    text.start = at[0]
    while at[0] < end and is_visible(at[0][0]):
        at[0] += 1
    text.size = at[0] - text.start
    if at[0] == end or at[0][0] != c'"':
        return False
    at[0] += 1
    return True
