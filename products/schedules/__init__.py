"""The one schedule engine for loans: contracts, quotes, what-if, restructuring and tests call it.

`due_dates` (when), `conventions` (how interest is measured and rounded), `repayment` (which part of
the principal falls due when), `values` (terms in, rows out), `checks` (what is refused), `measure`
and `level` (the arithmetic), `build` (terms to schedule), `recalculate` (with what was really paid)
and `changes` (a life's events: schedule to schedule). All of it is pure and exact: integers of the
smallest unit and fractions; every row carries what explains it.
"""
