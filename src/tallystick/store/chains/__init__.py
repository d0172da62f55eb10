"""Hash chains over the audit log and over what was agreed to."""
