from libc.stdint cimport uint64_t

cdef bint read_amount(const char* text, Py_ssize_t size, uint64_t* micros) noexcept nogil
cdef bytes digest_of(str of_caller, str reference, str of_sender, str token, uint64_t micros)
