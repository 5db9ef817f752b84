"""Settings as mypy's Django plugin reads them, wherever it is called: no engine is reached, no secret made."""

import base64
import os

from promote.config.environment import NOWHERE
from promote.keys.keyring import PURPOSES

_SECRET = base64.b64encode(bytes(32)).decode()
for _name, _value in {**NOWHERE, **{f"PROMOTE_KEY_{purpose.upper()}": f"k:{_SECRET}" for purpose in PURPOSES}}.items():
    os.environ.setdefault(_name, _value)

from promote.config.settings import *  # noqa: E402, F403
