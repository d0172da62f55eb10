# cython: language_level=3, boundscheck=False, wraparound=False
"""Reads what nearly all requests are: a signed Pay or GetPrepaidBalance with nothing unusual about it.

All of it in one go: parameters, signature, values, digest. It only ever says yes. None means that somebody else has to
look, not that anything is wrong: the general way (web/api/query_request.py and services/api) reads the request anew,
and says what there is to say. It is the twin of this, and tells what is right: tests/web/api/test_plain_requests.py
holds both against each other. This reads memory by itself, so it makes sure first how much of it there is.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeASCII
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from hashlib import sha256

from tallystick.domain._plain_payments cimport digest_of, read_amount

from tallystick.domain._speedups import book_of_token

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)

cdef enum:
    MOST_BYTES = 4096  # of a query, and of a line with a host
    NO_DIGIT = 255

    BLOCK = 64  # of SHA-256, in bytes
    DIGEST = 32
    SIGNATURE_LENGTH = 44  # a digest in base64
    ID_LENGTH = 64
    MOST_OF_REFERENCE = 128
    MOST_OF_DESCRIPTION = 160
    MOST_OF_MOMENT = 40

# Parameters of plain calls, by the bytes of their names: in this order they are signed and digested.
cdef enum:
    KEY_ID
    ACTION
    CALLER_DESCRIPTION
    CALLER_REFERENCE
    INSTRUMENT_ID
    SENDER_DESCRIPTION
    TOKEN_ID
    SIGNATURE
    SIGNATURE_METHOD
    SIGNATURE_VERSION
    TIMESTAMP
    CURRENCY
    AMOUNT
    VERSION
    NAMES  # so many

cdef const char* NAME_TEXTS[NAMES]
cdef Py_ssize_t NAME_LENGTHS[NAMES]

NAME_TEXTS[:] = [
    b"AWSAccessKeyId",
    b"Action",
    b"CallerDescription",
    b"CallerReference",
    b"PrepaidInstrumentId",
    b"SenderDescription",
    b"SenderTokenId",
    b"Signature",
    b"SignatureMethod",
    b"SignatureVersion",
    b"Timestamp",
    b"TransactionAmount.CurrencyCode",
    b"TransactionAmount.Value",
    b"Version",
]

cdef struct Parameter:
    const char* pair  # its name, "=" and its value, as they were sent; NULL: it was not
    Py_ssize_t pair_size
    const char* value
    Py_ssize_t size
    bint is_plain  # nothing in the value is encoded

cdef uint8_t IS_UNRESERVED[256]
cdef uint8_t HEXADECIMAL[256]
cdef const char* BASE_64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


cdef void fill_tables() noexcept nogil:
    cdef const char* unreserved = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
    cdef const char* digits = b"0123456789ABCDEF"
    cdef int number
    memset(IS_UNRESERVED, 0, 256)
    memset(HEXADECIMAL, NO_DIGIT, 256)
    for number in range(66):
        IS_UNRESERVED[<uint8_t>unreserved[number]] = 1
    for number in range(16):
        HEXADECIMAL[<uint8_t>digits[number]] = number


fill_tables()
for _number in range(NAMES):
    NAME_LENGTHS[_number] = len(<bytes>NAME_TEXTS[_number])


cdef class SigningKey:
    """A secret that signatures are checked with, and the access key whose it is."""

    cdef object inner, outer
    cdef public object access_key

    def __init__(self, bytes secret not None, object access_key):
        """The two beginnings of an HMAC (RFC 2104), so that each request hashes no more than its own text."""
        if len(secret) > BLOCK:
            secret = sha256(secret).digest()
        padded = secret + bytes(BLOCK - len(secret))
        self.inner = sha256(bytes([byte ^ 0x36 for byte in padded]))
        self.outer = sha256(bytes([byte ^ 0x5C for byte in padded]))
        self.access_key = access_key

    cdef bytes sign(self, bytes text):
        inner, outer = self.inner.copy(), self.outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()


def read_call(str verb not None, bytes query not None, tuple hosts not None, dict keys not None):
    """A signed Pay or GetPrepaidBalance; None where it is not plain, or not signed with one of these keys.

    `verb` and `query`: as sent, a form's body being a query too, for the path "/". `hosts`: the lines that may have
    been signed. `keys`: by their ids, each a SigningKey.

    (SigningKey, moment as text, version, id of token or instrument, its book, payment). `payment` is None for a
    balance, else (micro-units, reference, digest of what is asked for, caller's description, sender's description).
    """
    cdef Parameter given[NAMES]
    cdef SigningKey key
    if not parse(PyBytes_AS_STRING(query), PyBytes_GET_SIZE(query), given):
        return None
    if not (
        given[ACTION].pair != NULL
        and given[TIMESTAMP].pair != NULL
        and is_one_of(&given[SIGNATURE_METHOD], b"HmacSHA256", 10)
        and is_one_of(&given[SIGNATURE_VERSION], b"2", 1)
        and given[KEY_ID].pair != NULL
        and given[SIGNATURE].pair != NULL
        and is_version(&given[VERSION])
    ):
        return None
    found = keys.get(text_of(&given[KEY_ID]))
    if found is None:
        return None
    key = <SigningKey?>found
    moment = decoded(&given[TIMESTAMP], MOST_OF_MOMENT)
    if moment is None or not is_signed(verb, given, hosts, key):
        return None
    version = text_of(&given[VERSION])
    if is_one_of(&given[ACTION], b"Pay", 3):
        return payment(given, key, moment, version)
    if is_one_of(&given[ACTION], b"GetPrepaidBalance", 17):
        return balance(given, key, moment, version)
    return None


cdef object payment(const Parameter* given, SigningKey key, str moment, str version):
    cdef uint64_t micros = 0
    if (
        given[INSTRUMENT_ID].pair != NULL
        or not is_one_of(&given[CURRENCY], b"USD", 3)
        or not is_id(&given[TOKEN_ID], b"SD")
        or given[AMOUNT].pair == NULL
        or not read_amount(given[AMOUNT].value, given[AMOUNT].size, &micros)
    ):
        return None
    token = text_of(&given[TOKEN_ID])
    book = book_of_token(token)
    reference = decoded(&given[CALLER_REFERENCE], MOST_OF_REFERENCE)
    if book is None or reference is None:
        return None
    of_caller, of_sender = None, None
    if given[CALLER_DESCRIPTION].pair != NULL:
        of_caller = decoded(&given[CALLER_DESCRIPTION], MOST_OF_DESCRIPTION)
        if of_caller is None:
            return None
    if given[SENDER_DESCRIPTION].pair != NULL:
        of_sender = decoded(&given[SENDER_DESCRIPTION], MOST_OF_DESCRIPTION)
        if of_sender is None:
            return None
    digest = digest_of(of_caller, reference, of_sender, token, micros)
    return key, moment, version, token, book, (micros, reference, digest, of_caller, of_sender)


cdef object balance(const Parameter* given, SigningKey key, str moment, str version):
    cdef int name
    for name in (CALLER_DESCRIPTION, CALLER_REFERENCE, SENDER_DESCRIPTION, TOKEN_ID, CURRENCY, AMOUNT):
        if given[name].pair != NULL:
            return None
    if not is_id(&given[INSTRUMENT_ID], b"P"):
        return None
    instrument = text_of(&given[INSTRUMENT_ID])
    book = book_of_token(instrument)
    return None if book is None else (key, moment, version, instrument, book, None)


cdef bint parse(const char* at, Py_ssize_t size, Parameter* given) noexcept nogil:
    """Find the parameters of a query, each known, given once and with a value that is encoded as for signing."""
    cdef const char* end = at + size
    cdef const char* start
    cdef Parameter* one
    cdef int name
    if not 0 < size <= MOST_BYTES:
        return False
    memset(given, 0, NAMES * sizeof(Parameter))
    while True:
        start = at
        at = <const char*>memchr(at, b"=", end - at)
        if at == NULL:
            return False
        name = name_of(start, at - start)
        if name == NAMES or given[name].pair != NULL:
            return False
        one = &given[name]
        one.pair = start
        at += 1
        one.value = at
        one.is_plain = True
        while at < end and at[0] != b"&":
            if IS_UNRESERVED[<uint8_t>at[0]]:
                at += 1
            elif at[0] == b"%" and end - at > 2 and is_encoded(at):
                one.is_plain = False
                at += 3
            else:
                return False
        one.size = at - one.value
        one.pair_size = at - start
        if not one.size:  # which counts as not given
            return False
        if at == end:
            return True
        at += 1


cdef int name_of(const char* text, Py_ssize_t size) noexcept nogil:
    cdef int name
    for name in range(NAMES):
        if NAME_LENGTHS[name] == size and memcmp(NAME_TEXTS[name], text, size) == 0:
            return name
    return NAMES


cdef inline bint is_encoded(const char* text) noexcept nogil:
    """Whether this is a character that has to be encoded: of ASCII, visible, and as it is in JSON, too."""
    cdef uint8_t high = HEXADECIMAL[<uint8_t>text[1]], low = HEXADECIMAL[<uint8_t>text[2]]
    if high == NO_DIGIT or low == NO_DIGIT:
        return False
    cdef uint8_t byte = high << 4 | low
    return b" " <= byte < 127 and byte != b'"' and byte != b"\\" and not IS_UNRESERVED[byte]


cdef inline bint is_one_of(const Parameter* one, const char* wanted, Py_ssize_t size) noexcept nogil:
    return one.pair != NULL and one.size == size and memcmp(one.value, wanted, size) == 0


cdef inline bint is_version(const Parameter* one) noexcept nogil:
    return is_one_of(one, b"2010-08-28", 10) or is_one_of(one, b"2008-09-17", 10) or is_one_of(one, b"2011-09-20", 10)


cdef inline bint is_id(const Parameter* one, const char* kinds) noexcept nogil:
    """Whether it is as long as an id and of one of these kinds."""
    cdef int number = 0
    if one.pair == NULL or one.size != ID_LENGTH:
        return False
    while kinds[number]:
        if kinds[number] == one.value[0]:
            return True
        number += 1
    return False


cdef inline str text_of(const Parameter* one):
    """A value as it was sent."""
    return PyUnicode_DecodeASCII(one.value, one.size, NULL)


cdef str decoded(const Parameter* one, Py_ssize_t most):
    """A value as it was meant; None where it was not given, or is longer than that."""
    cdef char buffer[MOST_OF_DESCRIPTION]
    cdef Py_ssize_t size
    if one.pair == NULL:
        return None
    if one.is_plain:
        return PyUnicode_DecodeASCII(one.value, one.size, NULL) if one.size <= most else None
    size = decode(one, buffer, most)
    return None if size < 0 else PyUnicode_DecodeASCII(buffer, size, NULL)


cdef Py_ssize_t decode(const Parameter* one, char* buffer, Py_ssize_t most) noexcept nogil:
    """Write a value as it was meant, of at most so many characters: how many it has, or -1."""
    cdef Py_ssize_t at = 0, written = 0
    while at < one.size:
        if written == most:
            return -1
        if one.value[at] == b"%":
            buffer[written] = <char>(
                HEXADECIMAL[<uint8_t>one.value[at + 1]] << 4 | HEXADECIMAL[<uint8_t>one.value[at + 2]]
            )
            at += 3
        else:
            buffer[written] = one.value[at]
            at += 1
        written += 1
    return written


cdef bint is_signed(str verb, const Parameter* given, tuple hosts, SigningKey key) except -1:
    """Whether the signature is the one of this key for one of these hosts. Source: docs/protocol/signatures.md, 2."""
    cdef char sent[SIGNATURE_LENGTH]
    cdef char text[2 * MOST_BYTES]
    cdef char* at
    cdef const char* line
    cdef Py_ssize_t size, start
    cdef int name
    if decode(&given[SIGNATURE], sent, SIGNATURE_LENGTH) != SIGNATURE_LENGTH:
        return False
    for host in hosts:
        if not isinstance(host, str):
            raise TypeError("a host is a text")
        if not PyUnicode_IS_ASCII(host) or not PyUnicode_IS_ASCII(verb):
            return False
        line = PyUnicode_AsUTF8AndSize(verb, &size)
        start = size
        if start > 8:
            return False
        memcpy(text, line, start)
        line = PyUnicode_AsUTF8AndSize(host, &size)
        if size > MOST_BYTES - 64:
            return False
        at = text + start
        at[0] = b"\n"
        memcpy(at + 1, line, size)
        at += 1 + size
        memcpy(at, b"\n/\n", 3)
        at += 3
        for name in range(NAMES):
            if given[name].pair != NULL and name != SIGNATURE:
                memcpy(at, given[name].pair, given[name].pair_size)
                at += given[name].pair_size
                at[0] = b"&"
                at += 1
        digest = key.sign(PyBytes_FromStringAndSize(text, at - 1 - text))
        if len(digest) == DIGEST and is_digest(<const uint8_t*>PyBytes_AS_STRING(digest), sent):
            return True
    return False


cdef bint is_digest(const uint8_t* byte, const char* sent) noexcept nogil:
    """Whether what was sent is this digest in base64. Takes as long for a wrong one as for the right one."""
    cdef uint8_t differs = 0
    cdef uint32_t bits
    cdef int group
    for group in range(10):
        bits = byte[0] << 16 | byte[1] << 8 | byte[2]
        differs |= sent[0] ^ BASE_64[bits >> 18] | sent[1] ^ BASE_64[bits >> 12 & 63]
        differs |= sent[2] ^ BASE_64[bits >> 6 & 63] | sent[3] ^ BASE_64[bits & 63]
        byte += 3
        sent += 4
    bits = byte[0] << 16 | byte[1] << 8
    differs |= sent[0] ^ BASE_64[bits >> 18] | sent[1] ^ BASE_64[bits >> 12 & 63]
    differs |= sent[2] ^ BASE_64[bits >> 6 & 63] | sent[3] ^ c"="
    return differs == 0
