"""The demo's platform: sellers and creators with their videos, and their first orders, brought in as the world does.

`python -m sandbox.demo --url … --edge … --data DIR` speaks REST to the house and calls its commands. It can be run
again at any time: what is there is taken as it is. Read `seed.py` first, `catalogue.py` for who is in it.
"""
