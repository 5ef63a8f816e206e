"""What an old system hands over: its files in its own terms, its journals with their own dates.

`texts` reads fields and says what is wrong with them; `records` knows the records of a history;
`checking` judges a whole file before anything is posted; `importing` posts it day by day.
"""
