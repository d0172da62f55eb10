"""`tallystick torture`: histories of money actions against real processes under faults, held against a small model."""
