"""Disputes of charges: what rails tell, and what sellers are told, owe and answer."""
