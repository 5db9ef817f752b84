"""DOKU's stand-in: SNAP's tokens and signatures both ways, virtual accounts, DANA and OVO, with their payers' pages.

Start it with `python -m sandbox.providers.doku --help`. Open `doku.py` first: every call is listed there.
"""
