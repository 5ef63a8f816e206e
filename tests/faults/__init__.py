"""Fault tests: kill -9 at a known point of a commit, then ask the ledger what became of it.

Eight paths are struck: the process that loads by lines, the one that posts, the night, the HTTP
doors, and PostgreSQL under each of them; at three moments: *before* COMMIT is sent, *inside* (sent,
no answer yet) and *after* (the answer is here, nobody has been told). The moment is not hoped for:
the driver's connection in the struck program says where it stands and waits there, and
`pg_xact_status` says what the server made of that very transaction. After each kill everybody asks
again under the same ids; then every acknowledged journal must stand where it was said to stand,
every other one exactly once, and the books must add up to what the union of the ids says.
"""
