"""Actions follow their impressions: where nobody looked, nobody acted, and no person is faster than a person.

Judged behind everything else, since an impression may be marked last of all (haste.py). Source: delivery.md 5.
"""

import numpy as np

from delivery import storage
from delivery.batch import FREE, IMPRESSION_CODE, REASON, REASONS, Batch, Marks
from delivery.engine.vocabulary import EVENT_CODES

FASTEST_FINGER_MS = 100
"""From seeing to touching takes a person twice as long at the least."""
LOOKED = ("not_targeted", "not_measured", "not_active", "not_half_visible", "too_brief")
"""Why an impression is not billed though somebody may have looked: too briefly, or where nobody measured it. They may
have acted all the same."""
NOBODY = [name for name in REASONS[1:FREE] if name not in LOOKED]
_NOBODY = np.array([REASON[name] for name in NOBODY])
_CLICKS = [EVENT_CODES[name] for name in ("profile_visit", "website_visit", "product_click", "follow")]


def judge(batch: Batch) -> None:
    """Marks actions of such impressions with the same reason, and clicks that came too fast as impossible, whether
    their impression came along or was told before. A click is too fast only where both were told with times of their
    own: what has none has that of its arrival, with everything that came along."""
    actions = np.nonzero((batch.type != IMPRESSION_CODE) & (batch.reason == 0))[0]
    if not len(actions):
        return
    tokens = batch.token["id"]
    # The first that was told of each: what was told again later is none.
    impressions = np.nonzero(batch.type == IMPRESSION_CODE)[0][::-1]
    rows = dict(zip(tokens[impressions].tolist(), impressions.tolist(), strict=True))
    found = np.array([rows.get(token, -1) for token in tokens[actions].tolist()])
    found[found > actions] = -1
    here, theirs = actions[found >= 0], found[found >= 0]
    of_nobody = np.isin(batch.reason[theirs], _NOBODY)
    batch.reason[here[of_nobody]] = batch.reason[theirs[of_nobody]]
    own_time = batch.at_ms != batch.received_ms
    clicks = np.isin(batch.type, _CLICKS) & own_time
    waited_ms = batch.at_ms[here] - batch.at_ms[theirs]
    hasty: Marks = clicks[here] & own_time[theirs] & (waited_ms >= 0) & (waited_ms < FASTEST_FINGER_MS) & ~of_nobody
    batch.reason[here[hasty]] = REASON["impossible_time"]
    before = actions[found < 0]
    spoilt = storage.spoilt(batch, before, clicks[before], reasons=NOBODY, fastest_ms=FASTEST_FINGER_MS)
    for row, why in spoilt.items():
        batch.reason[row] = REASON[why or "impossible_time"]
