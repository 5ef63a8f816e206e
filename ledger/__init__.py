"""The floor of the house: books, money, dates, parties, journals. It has never heard of a loan.

Public rooms: `money`, `dates`, `errors`, `refusals` (pure); `embedded`, `db` (the server and its
pools); `books`, `chart`, `parties`, `accounts` (who and where); `posting` (the only way to move
money); `balances`, `holds`, `statements`, `events`, `days` (reads and the calendar of the book);
`export` (hledger, beancount); `proof` (the independent model behind `cff verify`).

Nothing is re-exported here: a re-export would drag asyncpg into every pure module.
"""
