"""A small audience that watches over HTTP, as the platform's servers would tell of it."""

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0 Mobile Safari/537.36"

logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass
class Audience:
    """Viewers of one country; each asks for a slot, watches what is shown, and now and then acts."""

    edge: str
    key: str
    country: str
    seen: int = 0
    _http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self._http = httpx.Client(base_url=self.edge, timeout=10, headers={"Authorization": f"Api-Key {self.key}"})

    def watches(self, order: str, *, viewers: int) -> int:
        """So many new viewers ask for two slots each; how many impressions of the order were accepted."""
        tokens = []
        for _ in range(viewers):
            self.seen += 1
            asked = {"viewer": self._viewer(), "surface": "feed", "slots": [{}, {}]}
            answer = self._http.post("/v1/decide", json=asked)
            answer.raise_for_status()
            tokens += [one["token"] for one in answer.json()["decisions"] if one.get("order") == order]
        events = [self._event(token, "impression", visible_ms=1600, visible_share=0.95) for token in tokens]
        events += [self._event(token, "view_2s") for token in tokens[::2]]
        if not events:
            return 0
        answer = self._http.post("/v1/events", json={"events": events})
        answer.raise_for_status()
        told = answer.json()["results"][: len(tokens)]
        return sum(one["status"] == "accepted" for one in told)

    def _viewer(self) -> dict[str, object]:
        return {"id": f"viewer-{self.seen}", "country": self.country, "age_band": "25-34", "gender": "female"}

    @staticmethod
    def _event(token: str, kind: str, **facts: object) -> dict[str, object]:
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return {"token": token, "type": kind, "at": at, "user_agent": PHONE, **facts}
