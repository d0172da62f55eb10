"""The rules: values and pure decisions. No I/O, no clock, no framework."""
