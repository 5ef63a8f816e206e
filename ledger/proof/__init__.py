"""The independent proof behind `cff verify`: the book worked out again from its own record.

Nothing here shares code with the posting path: rows are read (`rows`), replayed in the order of
`recorded_seq` by a model with its own rules (`model`), its own bytes (`chain`) and its own sums,
and every stored figure is compared with what the model says (`checks`, `days`). `verify` is the
door; `report` is what it answers: differences with table, key, expected, found.
"""
