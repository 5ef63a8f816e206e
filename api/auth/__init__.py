"""Who calls: API keys, what they may do, whose money they may see."""
