"""The sandbox in /v1: its clock, its faults, and buyers who are played. In a live environment there is none."""
