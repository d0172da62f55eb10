"""Use cases: what pages, commands and programs can ask for, one function each."""
