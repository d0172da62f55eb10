# cython: language_level=3, boundscheck=False, wraparound=False
"""Reads what a client sends: whether it is one whole plain request of HTTP, and what that says.

The twin is `RequestReaderInPython` (cli/serving/direct/requests.py), which tells what is plain and what is right:
tests/cli/serving/test_request_readers.py holds both against each other. Nothing is repaired here and nothing guessed:
what is not plain is said to be OTHER, and somebody else reads it anew. This reads memory by itself, so it makes sure
first how much of it there is.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.stdint cimport uint8_t
from libc.string cimport memchr, memcmp, memset

cdef extern from "Python.h":
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

cdef enum:
    MAX_HEAD_BYTES = 16 * 1024
    MAX_BODY_BYTES = 64 * 1024
    MAX_HEADERS = 64
    MAX_KEPT_BYTES = 2 * 1024  # longer headers are read each time
    MOST_DIGITS = 7  # of a length
    VERSION_BYTES = 9

    IN_NAMES = 1  # of headers, and of the parts of a path
    IN_QUERIES = 2
    VISIBLE = 4
    IN_VALUES = 8  # visible, or a space
    BEGINS_PART = 16  # of a path
    IN_PARTS = 32

cdef enum:  # the places of what `readings` has
    WHOLE
    INCOMPLETE
    OTHER

cdef uint8_t CLASSES[256]
cdef const char* VERSION = b" HTTP/1.1"


cdef void fill_table() noexcept nogil:
    cdef const char* words = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
    cdef const char* of_queries = b"-.~%!$&'()*+,;=:@/?"
    cdef int byte
    memset(CLASSES, 0, 256)
    for byte in range(63):
        CLASSES[<uint8_t>words[byte]] = IN_NAMES | IN_QUERIES | BEGINS_PART | IN_PARTS
    for byte in range(19):
        CLASSES[<uint8_t>of_queries[byte]] |= IN_QUERIES
    CLASSES[<uint8_t>c"-"] |= IN_NAMES | BEGINS_PART | IN_PARTS
    CLASSES[<uint8_t>c"~"] |= BEGINS_PART | IN_PARTS
    CLASSES[<uint8_t>c"."] |= IN_PARTS
    for byte in range(33, 127):
        CLASSES[byte] |= VISIBLE | IN_VALUES
    CLASSES[<uint8_t>c" "] |= IN_VALUES


fill_table()

cdef frozenset NOT_PLAIN = frozenset(
    (
        b"expect",
        b"http2-settings",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
cdef str ROOT = "/", GET = "GET", POST = "POST"
cdef bytes HOST = b"host", CONNECTION = b"connection", LENGTH = b"content-length"
cdef bytes KEEP_ALIVE = b"keep-alive", CLOSE = b"close"


cdef class RequestReader:
    """As its twin. `readings`: WHOLE, INCOMPLETE and OTHER, as `read` is to say them."""

    cdef readonly str method, path
    cdef readonly bytes query, body
    cdef readonly bint closes
    cdef readonly dict said
    cdef tuple readings
    cdef bytes block
    cdef list lines
    cdef Py_ssize_t length

    def __init__(self, tuple readings not None):
        if len(readings) != 3:
            raise ValueError("there are three readings")
        self.readings = readings
        self.method, self.path, self.query, self.body = "", "", b"", b""
        self.closes, self.said, self.lines, self.block, self.length = False, {}, [], b"", -1

    @property
    def headers(self):
        """Those of the request."""
        return self.lines.copy()

    def read(self, bytes data not None):
        """Read `data`, which begins where a request does."""
        return self.readings[self.read_request(data)]

    cdef int read_request(self, bytes data) except -1:
        cdef const char* text = PyBytes_AS_STRING(data)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        cdef Py_ssize_t end = find_end(text, size), line, sent
        if end < 0:
            return INCOMPLETE if may_become_plain(text, size) else OTHER
        if end > MAX_HEAD_BYTES:
            return OTHER
        line = end_of_line(text, end)
        if not self.reads_line(text, line) or not self.knows(text + line + 2, max(end - line, 0)):
            return OTHER
        sent = size - end - 4
        if self.method is GET:
            self.body = b""
            return OTHER if self.length != -1 or sent else WHOLE
        if sent == self.length:
            self.body = PyBytes_FromStringAndSize(text + end + 4, sent)
            return WHOLE
        return INCOMPLETE if sent < self.length else OTHER

    cdef bint reads_line(self, const char* line, Py_ssize_t size) except -1:
        """Read the first line; whether it is that of a plain request."""
        cdef Py_ssize_t at, start
        if size > 13 and memcmp(line, b"GET /", 5) == 0:
            self.method, at = GET, 4
        elif size > 14 and memcmp(line, b"POST /", 6) == 0:
            self.method, at = POST, 5
        else:
            return False
        size -= VERSION_BYTES
        if memcmp(line + size, VERSION, VERSION_BYTES) != 0:
            return False
        start = at
        at = end_of_path(line, at, size)
        if at < 0 or (at < size and line[at] != b"?"):
            return False
        if at == start + 1:
            self.path = ROOT
        elif not (
            PyUnicode_GET_LENGTH(self.path) == at - start
            and memcmp(PyUnicode_DATA(self.path), line + start, at - start) == 0
        ):
            self.path = PyUnicode_DecodeASCII(line + start, at - start, NULL)
        if at < size:
            at += 1
        start = at
        while at < size and CLASSES[<uint8_t>line[at]] & IN_QUERIES:
            at += 1
        if at < size:
            return False
        self.query = PyBytes_FromStringAndSize(line + start, size - start)
        return True

    cdef bint knows(self, const char* block, Py_ssize_t size) except -1:
        """Read headers, each with the end of its line; whether they are those of a plain request."""
        cdef bytes before = self.block
        cdef const char* known = PyBytes_AS_STRING(before)
        cdef Py_ssize_t left = PyBytes_GET_SIZE(before)
        if size and size == left and memcmp(block, known, size) == 0:
            return True
        cdef list lines = [], earlier = self.lines
        cdef dict said = {}
        cdef const char* end = block + size
        cdef Py_ssize_t line, skipped, number = 0
        cdef tuple header
        self.block = b""
        while block < end:
            if number == MAX_HEADERS:
                return False
            line = end_of_line(block, end - block)
            # Most lines are those of the request before: each is compared with the one that stood in its place.
            if line + 2 <= left and memcmp(block, known, line + 2) == 0:
                header = <tuple>earlier[number]
                known += line + 2
                left -= line + 2
            else:
                header = header_of(block, line)
                if header is None or header[0] in NOT_PLAIN:
                    return False
                if left:
                    skipped = end_of_line(known, left) + 2
                    known += skipped
                    left -= skipped
            lines.append(header)
            said[header[0]] = header[1]
            block += line + 2
            number += 1
        if len(said) != number or not said.get(HOST):
            return False
        connection = said.get(CONNECTION)
        closes = False
        if connection is not None:
            connection = (<bytes>connection).lower()
            closes = connection == CLOSE
            if not closes and connection != KEEP_ALIVE:
                return False
        length = said.get(LENGTH)
        self.length = -1 if length is None else read_length(length)
        if self.length == -2:
            return False
        self.lines, self.said, self.closes = lines, said, closes
        if self.length > MAX_BODY_BYTES:
            return False
        if size <= MAX_KEPT_BYTES:
            self.block = PyBytes_FromStringAndSize(end - size, size)
        return True


cdef inline Py_ssize_t find_end(const char* text, Py_ssize_t size) noexcept nogil:
    """Where the empty line begins that ends the headers, with the end of the line before it; -1: there is none."""
    cdef const char* at = text
    cdef const char* end = text + size
    while end - at >= 4:
        at = <const char*>memchr(at, b"\r", end - at - 3)
        if at == NULL:
            return -1
        if memcmp(at, b"\r\n\r\n", 4) == 0:
            return at - text
        at += 1
    return -1


cdef inline Py_ssize_t end_of_line(const char* text, Py_ssize_t size) noexcept nogil:
    """Where the first line of a text ends that goes on with CR LF behind its last byte, or has one before."""
    cdef const char* at = text
    cdef const char* end = text + size
    while at < end:
        at = <const char*>memchr(at, b"\r", end - at)
        if at == NULL:
            return size
        if at[1] == b"\n":
            return at - text
        at += 1
    return size


cdef inline bint may_become_plain(const char* text, Py_ssize_t size) noexcept nogil:
    """Whether these bytes, which are no whole head, may be the beginning of one."""
    cdef Py_ssize_t at
    if size > MAX_HEAD_BYTES:
        return False
    if memcmp(text, b"GET /", min(size, 5)) != 0 and memcmp(text, b"POST /", min(size, 6)) != 0:
        return False
    for at in range(size):
        if text[at] == b"\n" and (at == 0 or text[at - 1] != b"\r"):
            return False
    return True


cdef inline Py_ssize_t end_of_path(const char* line, Py_ssize_t at, Py_ssize_t size) noexcept nogil:
    """Where a path ends that begins with a slash at `at`: "/" or "/v1", with parts; -1: it is neither."""
    at += 1
    if at == size or line[at] == b"?":
        return at
    if size - at < 2 or memcmp(line + at, b"v1", 2) != 0:
        return -1
    at += 2
    while at < size and line[at] == b"/":
        at += 1
        if at == size or not CLASSES[<uint8_t>line[at]] & BEGINS_PART:
            return -1
        while at < size and CLASSES[<uint8_t>line[at]] & IN_PARTS:
            at += 1
    return at


cdef tuple header_of(const char* line, Py_ssize_t size):
    """Name in lower case, and value; None: it is not a plain one."""
    cdef Py_ssize_t at = 0, colon, start
    while at < size and CLASSES[<uint8_t>line[at]] & IN_NAMES:
        at += 1
    if not at or at == size or line[at] != b":":
        return None
    colon = at
    at += 1
    if at < size and line[at] == b" ":
        at += 1
    start = at
    if at < size and not (CLASSES[<uint8_t>line[at]] & VISIBLE and CLASSES[<uint8_t>line[size - 1]] & VISIBLE):
        return None
    while at < size and CLASSES[<uint8_t>line[at]] & IN_VALUES:
        at += 1
    if at < size:
        return None
    return PyBytes_FromStringAndSize(line, colon).lower(), PyBytes_FromStringAndSize(line + start, size - start)


cdef Py_ssize_t read_length(bytes text):
    """A length of at most seven digits, without a zero before others; -2: it is none."""
    cdef const char* digits = PyBytes_AS_STRING(text)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(text), length = 0, at
    if not 0 < size <= MOST_DIGITS or (digits[0] == b"0" and size > 1):
        return -2
    for at in range(size):
        if not b"0" <= digits[at] <= b"9":
            return -2
        length = 10 * length + (digits[at] - c"0")
    return length
