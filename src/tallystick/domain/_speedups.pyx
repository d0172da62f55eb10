# cython: language_level=3, boundscheck=False, wraparound=False
"""Compiled twins of pure functions that every payment goes through.

signing.py, ids.py, money.py and services/process/random_pool.py have them in Python. Each gives what its twin gives;
tests/domain/test_speedups.py holds them against each other. They read memory by themselves, so each first makes sure
how much of it there is.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeASCII, PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    void* PyUnicode_DATA(object text)

cdef enum:
    MOST_BYTES = 4096  # of a query
    MOST_PAIRS = 64
    NO_DIGIT = 255

    TOKEN_LENGTH = 64
    TOKEN_BODY = 57  # and seven digits of check
    TRANSACTION_LENGTH = 35
    TRANSACTION_BODY = 31  # and four digits of check
    TIME_END = 10
    BOOK_DIGITS = 13
    BOOK_END = 23
    GREATEST_FIRST_DIGIT = 7  # of a book: the database holds 63 bits, the digits have room for 65
    ENTROPY_BYTES = 5

    MICROS_PER_UNIT = 1_000_000
    MOST_OF_AMOUNT = 24  # digits of 64 bits, a sign and a point

    UUID_BYTES = 16
    UUID_LENGTH = 36

cdef struct Pair:  # a name and its value, as they were sent
    const char* start
    Py_ssize_t name_length
    Py_ssize_t length

cdef uint8_t IS_UNRESERVED[256]
cdef uint8_t HEXADECIMAL[256]
cdef uint8_t BASE_32[256]
cdef uint32_t CRC_32[256]
cdef const char* DIGITS = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
cdef const char* UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"


cdef void fill_tables() noexcept:
    cdef uint32_t remainder
    cdef int byte, _
    for byte in range(256):
        IS_UNRESERVED[byte] = 0
        HEXADECIMAL[byte] = NO_DIGIT
        BASE_32[byte] = NO_DIGIT
        remainder = byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (0xEDB88320 if remainder & 1 else 0)
        CRC_32[byte] = remainder
    for byte in range(66):
        IS_UNRESERVED[<uint8_t>UNRESERVED[byte]] = 1
    for byte in range(16):
        HEXADECIMAL[<uint8_t>b"0123456789ABCDEF"[byte]] = byte
    for byte in range(32):
        BASE_32[<uint8_t>DIGITS[byte]] = byte


fill_tables()


def read_encoded_query(bytes query not None, str omit not None):
    """The parameters of an encoded query, and the query in order of names without one of them; None as its twin's.

    Also None for what is longer than most queries are: it is then read and encoded as any other that is not encoded so.
    """
    cdef const char* text = PyBytes_AS_STRING(query)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(query)
    cdef Py_ssize_t at = 0, start
    cdef Pair pairs[MOST_PAIRS]
    cdef int count = 0
    if size > MOST_BYTES:
        return None
    params = {}
    while True:
        if count == MOST_PAIRS:
            return None
        start = at
        while at < size and IS_UNRESERVED[<uint8_t>text[at]]:
            at += 1
        if at == start or at == size or text[at] != b"=":
            return None
        pairs[count].start = text + start
        pairs[count].name_length = at - start
        name = PyUnicode_DecodeASCII(text + start, at - start, NULL)
        at += 1
        start = at
        while at < size and text[at] != b"&":
            at += 1
        value = decoded(text + start, at - start)
        if value is None:
            return None
        params[name] = value
        pairs[count].length = text + at - pairs[count].start
        count += 1
        if at == size:
            break
        at += 1
    if len(params) != count:
        return None
    sort(pairs, count)
    return params, joined(pairs, count, omit)


cdef object decoded(const char* value, Py_ssize_t size):
    """An encoded value as it was meant; None where it is encoded otherwise than it would be for signing."""
    cdef char buffer[MOST_BYTES]
    cdef Py_ssize_t at = 0, written
    cdef uint8_t byte, high, low
    cdef bint is_ascii = True
    while at < size and IS_UNRESERVED[<uint8_t>value[at]]:
        at += 1
    if at == size:
        return PyUnicode_DecodeASCII(value, size, NULL)
    memcpy(buffer, value, at)
    written = at
    while at < size:
        byte = <uint8_t>value[at]
        if IS_UNRESERVED[byte]:
            at += 1
        elif byte == b"%" and at + 2 < size:
            high, low = HEXADECIMAL[<uint8_t>value[at + 1]], HEXADECIMAL[<uint8_t>value[at + 2]]
            if high == NO_DIGIT or low == NO_DIGIT:
                return None
            byte = high << 4 | low
            if IS_UNRESERVED[byte]:
                return None
            is_ascii = is_ascii and byte < 128
            at += 3
        else:
            return None
        buffer[written] = <char>byte
        written += 1
    if is_ascii:
        return PyUnicode_DecodeASCII(buffer, written, NULL)
    try:
        return PyUnicode_DecodeUTF8(buffer, written, NULL)
    except UnicodeDecodeError:
        return None


cdef void sort(Pair* pairs, int count) noexcept:
    """By the bytes of their names: few, and often in order already."""
    cdef Pair moved
    cdef int place, number
    for number in range(1, count):
        moved = pairs[number]
        place = number
        while place and is_before(&moved, &pairs[place - 1]):
            pairs[place] = pairs[place - 1]
            place -= 1
        pairs[place] = moved


cdef inline bint is_before(const Pair* one, const Pair* other) noexcept:
    cdef Py_ssize_t shared = min(one.name_length, other.name_length)
    cdef int order = memcmp(one.start, other.start, shared)
    return order < 0 or (order == 0 and one.name_length < other.name_length)


cdef str joined(const Pair* pairs, int count, str omit):
    cdef char buffer[MOST_BYTES + 1]  # all were in a query of at most so many bytes, each with its own "&" but one
    cdef Py_ssize_t written = 0
    cdef bytes left_out = omit.encode()
    cdef int number
    for number in range(count):
        if (
            pairs[number].name_length == PyBytes_GET_SIZE(left_out)
            and memcmp(pairs[number].start, PyBytes_AS_STRING(left_out), pairs[number].name_length) == 0
        ):
            continue
        memcpy(buffer + written, pairs[number].start, pairs[number].length)
        written += pairs[number].length
        buffer[written] = b"&"
        written += 1
    return PyUnicode_DecodeASCII(buffer, max(written - 1, 0), NULL)


cdef uint32_t crc_32(const uint8_t* text, int size) noexcept:
    cdef uint32_t remainder = 0xFFFFFFFF
    cdef int at
    for at in range(size):
        remainder = CRC_32[(remainder ^ text[at]) & 255] ^ remainder >> 8
    return remainder ^ 0xFFFFFFFF


def book_of_token(str token not None):
    """The number of the book in a token or instrument id of any kind; None where the text is no such id."""
    if PyUnicode_GET_LENGTH(token) != TOKEN_LENGTH or not PyUnicode_IS_ASCII(token):
        return None
    cdef const uint8_t* text = <const uint8_t*>PyUnicode_DATA(token)
    cdef uint64_t check = 0, book = 0
    cdef int at
    if not b"A" <= text[0] <= b"Z" or BASE_32[text[1]] > GREATEST_FIRST_DIGIT:
        return None
    for at in range(1, TOKEN_LENGTH):
        if BASE_32[text[at]] == NO_DIGIT:
            return None
    for at in range(TOKEN_BODY, TOKEN_LENGTH):
        check = check << 5 | BASE_32[text[at]]
    if check != crc_32(text, TOKEN_BODY):
        return None
    for at in range(1, 1 + BOOK_DIGITS):
        book = book << 5 | BASE_32[text[at]]
    return book


def transaction_id(uint64_t book, uint64_t milliseconds, bytes entropy not None):
    """A transaction id of a book, of a moment and of five random bytes."""
    if PyBytes_GET_SIZE(entropy) != ENTROPY_BYTES:
        raise ValueError("a transaction id takes five random bytes")
    cdef const uint8_t* random_bytes = <const uint8_t*>PyBytes_AS_STRING(entropy)
    cdef uint8_t text[TRANSACTION_LENGTH]
    cdef uint64_t random = 0
    cdef int at
    for at in range(ENTROPY_BYTES):
        random = random << 8 | random_bytes[at]
    write_digits(text, 0, TIME_END, milliseconds)
    write_digits(text, TIME_END, BOOK_END, book)
    write_digits(text, BOOK_END, TRANSACTION_BODY, random)
    write_digits(text, TRANSACTION_BODY, TRANSACTION_LENGTH, crc_32(text, TRANSACTION_BODY))
    return PyUnicode_DecodeASCII(<const char*>text, TRANSACTION_LENGTH, NULL)


cdef inline void write_digits(uint8_t* text, int start, int end, uint64_t number) noexcept:
    """The last digits of a number, from `start` up to `end`."""
    cdef int at
    for at in range(end - 1, start - 1, -1):
        text[at] = <uint8_t>DIGITS[number & 31]
        number >>= 5


def format_amount(micros):
    """Micro-units with six decimals."""
    cdef int64_t number
    try:
        number = micros
    except OverflowError:
        sign = "-" if micros < 0 else ""
        whole, fraction = divmod(abs(micros), MICROS_PER_UNIT)
        return f"{sign}{whole}.{fraction:06d}"
    cdef uint64_t left = <uint64_t>number if number >= 0 else 0 - <uint64_t>number
    cdef char text[MOST_OF_AMOUNT]
    cdef int at = MOST_OF_AMOUNT, decimals
    for decimals in range(6):
        at -= 1
        text[at] = <char>(c"0" + left % 10)
        left //= 10
    at -= 1
    text[at] = c"."
    while True:
        at -= 1
        text[at] = <char>(c"0" + left % 10)
        left //= 10
        if not left:
            break
    if number < 0:
        at -= 1
        text[at] = c"-"
    return PyUnicode_DecodeASCII(text + at, MOST_OF_AMOUNT - at, NULL)


def uuid_of(bytes page not None, Py_ssize_t start):
    """A UUID, version 4, of the sixteen bytes from `start` on."""
    if start < 0 or start > PyBytes_GET_SIZE(page) - UUID_BYTES:
        raise ValueError("a UUID takes sixteen bytes")
    cdef const uint8_t* random_bytes = <const uint8_t*>PyBytes_AS_STRING(page) + start
    cdef const char* digits = b"0123456789abcdef"
    cdef char text[UUID_LENGTH]
    cdef uint8_t byte
    cdef int number, at = 0
    for number in range(UUID_BYTES):
        byte = random_bytes[number]
        if number == 6:
            byte = byte & 0x0F | 0x40
        elif number == 8:
            byte = byte & 0x3F | 0x80
        if number == 4 or number == 6 or number == 8 or number == 10:
            text[at] = c"-"
            at += 1
        text[at] = digits[byte >> 4]
        text[at + 1] = digits[byte & 15]
        at += 2
    return PyUnicode_DecodeASCII(text, UUID_LENGTH, NULL)
