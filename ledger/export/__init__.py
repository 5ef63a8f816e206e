"""The book in the plain-text formats of other people's programs, which then check our balances.

`hledger` and `beancount` write one entry a journal with both dates, and at the end assert the
balance of every account as our movements have it: the real programs refuse the file if their own
sums differ by a satang. `record` reads the book in slices up to a known number, so a book of any
size is written while postings go on.
"""
