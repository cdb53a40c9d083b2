"""The fiscaliser: every sale becomes one fiscal receipt, and its machine is told."""
