"""The independent proof of products: interest, sub-ledgers, notices and the bank, worked out again.

Nothing here shares code with what it proves: a contract's days are lived again from its movements
(`life`) with an arithmetic of its own, compared row by row (`contracts`), added up against the
general ledger (`control`), and what notices, matches and statements say is held against journals
and holds (`payments`). Loan requests are lived again from their notes (`requests`). `verify` is the
door.
"""
