"""Transfers to a bank account of ours: their references, statements, what each line is for, and what we send back."""
