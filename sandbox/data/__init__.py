"""Small tables drawn from real logs, shipped with their attribution: see README.md beside this file."""
