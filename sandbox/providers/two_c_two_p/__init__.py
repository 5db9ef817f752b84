"""2C2P's stand-in: gateway 4.3 with JWTs both ways, and the page on which its payer pays.

Start it with `python -m sandbox.providers.two_c_two_p --help`. Open `two_c_two_p.py` first: every call is listed there.
"""
