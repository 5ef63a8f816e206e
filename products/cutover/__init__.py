"""Cut-over: what an old system hands over becomes a book, or completes an imported one.

`values` is what the files say, `files` reads them, `judging` looks at all of them together,
`units` turns them into postings, `loading` posts and proves them in one transaction.
"""
