"""The money path: load, decide, apply, commit; and the proof that the books are right."""
