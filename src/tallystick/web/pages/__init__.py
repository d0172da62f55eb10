"""The pages that people see: server-rendered, without scripts."""
