"""Evidence: day seals, proofs and statement files that a stranger can check without the database.

The bytes are documented in docs/evidence.md. What checks them (`ledger.proof.offline`) was written
from that page and shares no code with this room.
"""
