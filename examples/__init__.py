"""The example month: small seeds in git, and the generator that grows a month of files from them.

`examples.seeds` reads the committed CSV files, `examples.generate` writes the notices and the bank
statements of June 2026 into a folder, and README.md beside this file tells what every file holds
and which mistakes are planted in it.
"""
