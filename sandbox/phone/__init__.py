"""A phone of the demo's people, with the platform's app on it: it buys coins in the stores' stand-ins, and hands what
the store gave it to Promote, as a mobile app does.

Start it with `python -m sandbox.phone --help`; open `phone.py` first.
"""
