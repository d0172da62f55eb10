# cython: language_level=3, boundscheck=False, wraparound=False
"""Writes arrays of rows as PostgreSQL reads them: what a group of payments sends, thousands of values a statement.

The driver has an encoder for each value, which is called by way of several objects. Here all of an array is written in
one go. It is among the domain's modules since all that is compiled is in one place; db/sent_rows.py tells which
arrays are written here, and the driver's own way, for where nothing was compiled, tells what is right:
tests/db/test_sent_rows.py. Source of the format: PostgreSQL's array_recv and record_recv, and the `…recv` of each type.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.datetime cimport (
    PyDateTime_Check,
    PyDelta_Check,
    import_datetime,
    timedelta_days,
    timedelta_microseconds,
    timedelta_seconds,
)
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from datetime import UTC, datetime

import_datetime()

cdef enum:
    MOST_COLUMNS = 32
    FIRST_BYTES = 4096
    MOST_BYTES = 1 << 29  # PostgreSQL takes no message of twice as many

    TEXT = 0
    BIGINT
    SMALLINT
    BYTES
    MOMENT
    VERSION  # of a row

_KINDS = {"text": TEXT, "int8": BIGINT, "int2": SMALLINT, "bytea": BYTES, "timestamptz": MOMENT, "xid": VERSION}
cdef int64_t LAST_MOMENT = 252455615999999999  # the driver's sign for what never ends, and for what never began:
cdef int64_t FIRST_MOMENT = -63082281600000000
cdef int64_t NEVER_ENDS = 0x7FFFFFFFFFFFFFFF
cdef int64_t NEVER_BEGAN = <int64_t>(<uint64_t>1 << 63)
cdef object BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)

cdef struct Buffer:
    char* start
    Py_ssize_t size
    Py_ssize_t room


def is_known(str type_name not None):
    """Whether columns of a type can be written here."""
    return type_name in _KINDS


cdef class SentRows:
    """Arrays of one row type. `row_oid`: its number; `columns`: number and name of the type of each, in order."""

    cdef uint32_t row_oid
    cdef int count
    cdef uint32_t oids[MOST_COLUMNS]
    cdef int kinds[MOST_COLUMNS]
    cdef object moment  # the last one, which is likely to be that of the next row, too
    cdef int64_t moment_micros

    def __init__(self, uint32_t row_oid, list columns not None):
        """Raises KeyError: a type is not known. ValueError: there are too many columns."""
        if len(columns) > MOST_COLUMNS:
            raise ValueError(f"more than {MOST_COLUMNS} columns")
        self.row_oid = row_oid
        self.count = 0
        for oid, name in columns:
            self.oids[self.count] = oid
            self.kinds[self.count] = _KINDS[name]
            self.count += 1

    def write(self, object rows not None):
        """Tuples of values, or of None, as the array's binary form. Raises TypeError, ValueError, OverflowError."""
        cdef Buffer buffer
        cdef list given = rows if type(rows) is list else list(rows)
        cdef Py_ssize_t place, start
        buffer.start, buffer.size, buffer.room = NULL, 0, 0
        try:
            add_number(&buffer, 1)  # of dimensions
            add_number(&buffer, 0)  # no row is null
            add_number(&buffer, self.row_oid)
            add_number(&buffer, <uint32_t>len(given))
            add_number(&buffer, 1)  # the first one's place
            for row in given:
                if type(row) is not tuple or len(<tuple>row) != self.count:
                    raise TypeError(f"a row is a tuple of {self.count} values")
                start = buffer.size
                add_number(&buffer, 0)  # how long the row is, once that is known
                add_number(&buffer, self.count)
                for place in range(self.count):
                    add_number(&buffer, self.oids[place])
                    self.add_value(&buffer, self.kinds[place], (<tuple>row)[place])
                put(buffer.start + start, <uint32_t>(buffer.size - start - 4))
            return PyBytes_FromStringAndSize(buffer.start, buffer.size)
        finally:
            PyMem_Free(buffer.start)

    cdef int add_value(self, Buffer* buffer, int kind, object value) except -1:
        cdef Py_ssize_t size
        cdef const char* text
        cdef int64_t number
        if value is None:
            return add_number(buffer, 0xFFFFFFFF)
        if kind == TEXT:
            if not isinstance(value, str):
                raise TypeError(f"a text is needed, not {value!r}")
            text = PyUnicode_AsUTF8AndSize(value, &size)
            return add_bytes(buffer, text, size)
        if kind == BYTES:
            if not PyBytes_CheckExact(value):
                raise TypeError(f"bytes are needed, not {value!r}")
            return add_bytes(buffer, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
        if kind == MOMENT:
            number = self.micros_of(value)
        else:
            if not isinstance(value, int):
                raise TypeError(f"a number is needed, not {value!r}")
            number = value
        if kind == SMALLINT:
            if not -0x8000 <= number <= 0x7FFF:
                raise OverflowError(f"too great for its column: {number}")
            return add_bytes(buffer, [<char>(number >> 8), <char>number], 2)
        if kind == VERSION:
            if not 0 <= number <= 0xFFFFFFFF:
                raise OverflowError(f"no version of a row: {number}")
            add_number(buffer, 4)
            return add_number(buffer, <uint32_t>number)
        add_number(buffer, 8)
        add_number(buffer, <uint32_t>(<uint64_t>number >> 32))
        return add_number(buffer, <uint32_t>number)

    cdef int64_t micros_of(self, object moment) except? -1:
        """Since the beginning of the year 2000."""
        if moment is self.moment:
            return self.moment_micros
        if not PyDateTime_Check(moment):
            raise TypeError(f"a moment is needed, not {moment!r}")
        passed = moment - BEGINNING  # TypeError: it is of no time zone
        if not PyDelta_Check(passed):
            raise TypeError(f"a moment is needed, not {moment!r}")
        self.moment_micros = (
            (<int64_t>timedelta_days(passed) * 86400 + timedelta_seconds(passed)) * 1000000
            + timedelta_microseconds(passed)
        )
        if self.moment_micros == LAST_MOMENT:
            self.moment_micros = NEVER_ENDS
        elif self.moment_micros == FIRST_MOMENT:
            self.moment_micros = NEVER_BEGAN
        self.moment = moment
        return self.moment_micros


cdef int make_room(Buffer* buffer, Py_ssize_t more) except -1:
    cdef Py_ssize_t room
    cdef char* start
    if buffer.room - buffer.size >= more:
        return 0
    if more > MOST_BYTES or buffer.size + more > MOST_BYTES:
        raise OverflowError("too much for one array")
    room = max(FIRST_BYTES, 2 * buffer.room, buffer.size + more)
    start = <char*>PyMem_Realloc(buffer.start, room)
    if start == NULL:
        raise MemoryError
    buffer.start, buffer.room = start, room
    return 0


cdef inline void put(char* at, uint32_t number) noexcept nogil:
    """With the greatest byte first."""
    cdef uint8_t* byte = <uint8_t*>at
    byte[0] = <uint8_t>(number >> 24)
    byte[1] = <uint8_t>(number >> 16)
    byte[2] = <uint8_t>(number >> 8)
    byte[3] = <uint8_t>number


cdef int add_number(Buffer* buffer, uint32_t number) except -1:
    make_room(buffer, 4)
    put(buffer.start + buffer.size, number)
    buffer.size += 4
    return 0


cdef int add_bytes(Buffer* buffer, const char* text, Py_ssize_t size) except -1:
    """Their number, and these."""
    if size > MOST_BYTES:
        raise OverflowError("too much for one value")
    make_room(buffer, 4 + size)
    put(buffer.start + buffer.size, <uint32_t>size)
    memcpy(buffer.start + buffer.size + 4, text, size)
    buffer.size += 4 + size
    return 0
