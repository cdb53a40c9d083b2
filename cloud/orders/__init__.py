"""Orders: what a person asks of one machine from a terminal: `tell` and `wish`.

    arguments   the command line's parsers
    asked       what was written there, as values
    tell        a command, and its answer
    wish        a configuration, and whether it is in force
    line        a connection of one's own, for as long as an answer takes

They need no database and no running fiscaliser: what they say goes through the broker.
"""
