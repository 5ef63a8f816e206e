"""Kinds of interest that no product of the Facility has, for what-if questions only. Pure.

`compounding` (interest on unposted interest), `apr` (annual percentage rate of a series of
payments), `flat` (hire purchase, compounding by months). What a contract of ours does is never
computed here: `products.interest`, `products.placements` and `products.early_withdrawal` are asked.
"""
