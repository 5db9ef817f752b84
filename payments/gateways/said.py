"""What may be written down of a provider's no: its codes. Its sentences can quote a token, a secret, or a payer's name,
and what we raise is logged, and kept on rows that staff reads.
"""

import re

_CODE = re.compile(r"[A-Za-z][A-Za-z_.]{0,63}|\d{1,8}", re.ASCII)


def code(*found: object) -> str:
    """The first that reads as a code: one word of letters, or a short number. `?` where none does."""
    return next((str(one) for one in found if _CODE.fullmatch(str(one))), "?")


def unreadable(error: Exception) -> str:
    """What was wrong with an answer: the error's kind, and the name that was missing in it."""
    kind = type(error).__name__
    return f"{kind}: {code(*error.args)}" if isinstance(error, KeyError) else kind
