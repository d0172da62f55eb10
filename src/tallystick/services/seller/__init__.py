"""What sellers do in their console: staff, money by hand, debts, branding, exports, the test clock."""
