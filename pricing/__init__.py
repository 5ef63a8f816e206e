"""What it costs, on that date: rates as integers, rate sheets, quotes.

Public rooms: `rates` (pure: percent text to integers and back), `sheets` (drafts and their
approval), `quotes` (the one question the night asks: which rate, for that product, on that date).
Knows the floor's words (money, dates, errors, database), never a posting and never a balance.
"""
