"""Who and what may be promoted. Every check is evaluated; each says what failed and how to mend it (DESIGN.md 2)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from promote.accounts.models import Account
from promote.catalogue.models import Licence, LiveRoom, LiveState, Standing, Video, Visibility
from promote.catalogue.targets import Target, function_of
from promote.markets.models import Market
from promote.refusals import Refusal

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Caller:
    """The app that asks: its platform (`ios`, `android`, `web`) and version, `None` where it did not say."""

    app_platform: str | None
    app_version: str | None = None


BROWSER = Caller("web")


@dataclass(frozen=True, slots=True)
class Check:
    """One rule's answer. `reason` and `remedy` are empty where it passed."""

    code: str
    passed: bool
    reason: Text = ""
    remedy: Text = ""

    def as_dict(self) -> dict[str, object]:
        return {
            "code": self.code,
            "passed": self.passed,
            "reason": str(self.reason) or None,
            "remedy": str(self.remedy) or None,
        }


@dataclass(frozen=True, slots=True)
class Eligibility:
    function: str
    checks: tuple[Check, ...]
    objectives: tuple[str, ...]
    market: Market | None
    """The account's, by whose rows this was judged; None where nothing is launched."""

    @property
    def eligible(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> list[Check]:
        return [check for check in self.checks if not check.passed]


class NotEligible(Refusal):
    code, status = "not_eligible", 409
    title = _("This can't be promoted yet")
    sentence = _("{reasons}")

    def __init__(self, eligibility: Eligibility) -> None:
        self.eligibility = eligibility
        reasons = " ".join(f"{check.reason} {check.remedy}" for check in eligibility.failed)
        super().__init__(extra={"checks": [check.as_dict() for check in eligibility.checks]}, reasons=reasons)


def assess(*, account: Account, target: Target, caller: Caller, now: datetime) -> Eligibility:
    """Every check that applies to this account, target and app, none skipped because another failed."""
    return assess_all(account=account, targets=[target], caller=caller, now=now)[0]


def assess_all(*, account: Account, targets: Iterable[Target], caller: Caller, now: datetime) -> list[Eligibility]:
    """As `assess`, of several targets, with one look at the market."""
    market = Market.objects.filter(code=account.country).first()
    return [judge(account=account, target=target, market=market, caller=caller, now=now) for target in targets]


def judge(*, account: Account, target: Target, market: Market | None, caller: Caller, now: datetime) -> Eligibility:
    """As `assess`, with the market of the account's country at hand."""
    function = function_of(target)
    objectives = tuple(market.objectives.get(function, ())) if market else ()
    return Eligibility(function, tuple(_checks(account, target, function, market, caller, now)), objectives, market)


def of_account(*, account: Account, caller: Caller, now: datetime) -> list[Check]:
    """The checks that need no target: what an account's owner mends once for all videos."""
    market = Market.objects.filter(code=account.country).first()
    return list(_account_checks(account, market, caller, now))


def _checks(
    account: Account, target: Target, function: str, market: Market | None, caller: Caller, now: datetime
) -> Iterator[Check]:
    yield from _account_checks(account, market, caller, now)
    yield _country(function, market)
    yield from _video_checks(account, target, market) if isinstance(target, Video) else _live_checks(account, target)


def _account_checks(account: Account, market: Market | None, caller: Caller, now: datetime) -> Iterator[Check]:
    yield _age(account, market, now)
    allowed = market.account_types if market else ("business", "creator", "personal")
    yield _check(
        "account_type",
        account.type in allowed,
        _("This type of account can't promote."),
        _("Switch to a business, creator or personal account in the app's settings."),
    )
    yield _check(
        "account_standing",
        not account.restricted,
        _("The account is restricted."),
        _("Open Account status in the app to see why, and appeal there."),
    )
    yield _app_version(market, caller)


def _age(account: Account, market: Market | None, now: datetime) -> Check:
    least = market.minimum_age if market else 18
    if account.birth_date is None:
        return Check(
            "age", False, _("Your age is not known."), _("Add your date of birth in the app's account settings.")
        )
    today = now.astimezone(ZoneInfo(market.time_zone if market else "UTC")).date()
    return _check(
        "age",
        age_on(account.birth_date, today) >= least,
        _("Promote is for people aged {age} or older.").format(age=least),
        _("If your date of birth is wrong, correct it in the app's account settings."),
    )


def age_on(birth_date: date, today: date) -> int:
    """Full years. Born on 29 February, one comes of age on 1 March of a common year."""
    return today.year - birth_date.year - ((today.month, today.day) < (birth_date.month, birth_date.day))


def _app_version(market: Market | None, caller: Caller) -> Check:
    least = (market.minimum_app_versions if market else {"ios": "20.4", "android": "20.4"}).get(
        caller.app_platform or ""
    )
    if caller.app_platform == "web":
        return Check("app_version", True)
    if caller.app_platform is None or caller.app_version is None or least is None:
        return Check(
            "app_version",
            False,
            _("The app did not say which version it is, so it counts as too old."),
            _("Send the headers X-App-Platform (ios, android or web) and X-App-Version (such as 20.4.0)."),
        )
    return _check(
        "app_version",
        version_key(caller.app_version) >= version_key(least),
        _("This version of the app is too old to promote."),
        _("Update the app to version {version} or later.").format(version=least),
    )


def version_key(text: str) -> tuple[int, ...]:
    """A version to compare by number: 20.10 is later than 20.4, and 20.4.0 is 20.4. What is none is below all."""
    parts = text.split("-", maxsplit=1)[0].split("+", maxsplit=1)[0].split(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        return ()
    numbers = [int(part) for part in parts]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


FUNCTION_NAMES = {"video": _("videos"), "anchor": _("videos with a product link"), "live": _("lives")}


def _country(function: str, market: Market | None) -> Check:
    return _check(
        "country",
        market is not None and function in market.functions,
        _("Promoting {what} is not available in your country.").format(what=FUNCTION_NAMES[function]),
        _("Choose a video without a product link, where videos can be promoted in your country.")
        if function == "anchor"
        else _("We will tell you in the app when it is."),
    )


def _video_checks(account: Account, video: Video, market: Market | None) -> Iterator[Check]:
    yield _music(video, market)
    yield _check(
        "visibility",
        video.visibility == Visibility.PUBLIC,
        _("The video is not public."),
        _("Set “Who can watch this video” to Everyone."),
    )
    yield _check(
        "video_standing",
        video.status == Standing.ACTIVE,
        _("The video was deleted.") if video.status == Standing.DELETED else _("The video is suspended."),
        _("Choose another video.")
        if video.status == Standing.DELETED
        else _("Open the video in the app to see why, and appeal there."),
    )
    yield _ownership(account, video.account_id == account.id)
    if video.product is not None:
        yield _check(
            "stock",
            video.product.in_stock,
            _("The product in this video is sold out or withdrawn."),
            _("Restock the product, or choose another video."),
        )


def _music(video: Video, market: Market | None) -> Check:
    licences = market.music_licences if market else [Licence.COMMERCIAL]
    passes = (
        not video.music_licence
        or video.music_licence in licences
        or (video.music_licence == Licence.ORIGINAL and video.music_own_sound)
    )
    return _check(
        "music",
        passes,
        _("The music in this video is not licensed for commercial use."),
        _("Use a sound from the commercial music library, your own original sound, or none."),
    )


def _live_checks(account: Account, live: LiveRoom) -> Iterator[Check]:
    yield _check(
        "live_state",
        live.state != LiveState.ENDED,
        _("This live has ended."),
        _("Start or schedule a new live, and promote that."),
    )
    yield _ownership(account, live.account_id == account.id)


def _ownership(account: Account, owned: bool) -> Check:
    return _check(
        "ownership",
        owned,
        _("This belongs to another account now."),
        _("Sign in with the account that it belongs to, or choose another."),
    )


def _check(code: str, passed: bool, reason: Text, remedy: Text) -> Check:
    return Check(code, True) if passed else Check(code, False, reason, remedy)


__all__ = [
    "BROWSER",
    "Caller",
    "Check",
    "Eligibility",
    "NotEligible",
    "assess",
    "assess_all",
    "judge",
    "of_account",
    "version_key",
]
