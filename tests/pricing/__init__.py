"""What a rate sheet promises, read as documents."""
