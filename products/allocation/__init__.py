"""A payment split over what a loan owes, by an order that is data. Pure.

What is owed on a date is a list of *claims*, each in one bucket: fees, penalty, oldest interest
arrears, current interest, overdue principal, due principal, prepayment. An order ranks them, money
fills them from the top. Nothing is remembered between two splits: a payment undone or entered late
is split anew. Interest not paid when due stays interest; it never joins what bears interest.

orders: buckets, modes, and the orders that products keep · values: dues, charges, claims and a
payment taken apart · splitting: what is owed on a date, its ranking, and the split.
"""
