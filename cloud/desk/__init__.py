"""The desk: what people settle that the fiscaliser cannot, by command line and by API alike.

    arguments    the command line's parsers
    asked        what was written there, as values; runs it
    orders       what is asked of one sale, in one form for the command line and the API
    finding      a sale by its id, by the beginning of one, by the token of its page
    settled      what became of a decision, and the transaction it is made in
    story        all that is known of a sale
    showing      … as text
    attention    what needs a hand, why, since when, and the next command
    requeueing   answers to what was asked; a receipt is sent anew
    remaking     … made anew from today's fleet
    bulk         … of many at once
    resolving    what a person has found out about a receipt in doubt
    returning    the return of a sale's receipt, or of a second document
    correcting   a correction receipt for a sale that has none
    checking     credentials and registers, asked of the providers
    the_day      a day, read
    reconciling  … its sales, receipts and documents held against each other
    comparing    … and against what the providers say
    balance      … as text
    words        money, times and ages as text

A verb takes a connection and raises what a person did wrong; who opens the transaction commits it.
"""
