"""Loading: files and streams of lines, read in bounded pieces and posted by the bulk writer.

    bytes ──► pieces cut at line ends ──► columns, or what is wrong with a line ──► bulk writer
                                                              │                        │
                                                              └────► result lines ◄────┘

A line that the columns cannot take for certain is read again by the exact reader (`fields`), which
either takes it or names the field at fault. docs/loading.md is the page for who writes the files.
"""
