"""What the payment providers' stand-ins share: an HTTP server, a memory, notices that may go astray, pages, controls.

A provider's own package has its protocol: what it takes, what it refuses, how it signs. Open `server.py` first.
"""
