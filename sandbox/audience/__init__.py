"""A simulated audience: people who open a feed, see what the edge decided, watch, skip, click, follow.

`python -m sandbox.audience --edge URL --key KEY`. A client like any other, over HTTP, with real clocks; how it behaves
is drawn from real logs (`sandbox/data/README.md`). Read `behaviour.py` first.
"""
