"""The world outside the house: test-mode providers as real servers, the demo's platform and audience.

Nothing in the house imports it and it imports nothing of the house; the two speak HTTP.
"""
