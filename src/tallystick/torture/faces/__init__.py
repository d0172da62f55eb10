"""The interfaces that histories are played in: each asks the same of a process, and hears the same."""
