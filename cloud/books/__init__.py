"""The books: what an operator keeps up by hand, from the command line and from files.

arguments   the five commands as parsers
desk        what was asked, done in the store
kinds       operators, registers, products, planograms, machines: one table of what each says
values      a text becomes a value, or says what was expected
words       how people write what we name otherwise, in Russian and in English
roubles     amounts as people write them
draft       what is said over what is there
objections  what one value alone cannot tell
shelves     the days of a slot
needed      what has to be said of an account at each provider
settings    a register's account: what is a secret stays in its file
adding      add, set
removal     remove
lanes       pause, resume, restored
listing     list, show
table       aligned columns
next_step   what is still missing
importing   a file, checked as a whole and written as a whole
sheets      CSV and XLSX as rows of texts
rows        rows of texts as what they say of columns
spool       a file's rows while they are checked
archive     many things at once
"""
