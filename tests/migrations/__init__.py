"""What migrations make of books that have lived under an older schema."""
