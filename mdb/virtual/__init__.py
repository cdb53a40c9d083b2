"""A vending machine in memory: parties on a bus in virtual time, written from the standard."""
