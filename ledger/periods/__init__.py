"""Months and fiscal years: closing with control totals, opening again, adjustments, the year's end.

A period has no row until it is first closed. Whatever is done to one takes the head first, looks,
and posts in the same transaction, so no posting slips between the look and the closing; what takes
long (control totals) is added up before and used only if nothing of the period came since.
"""
