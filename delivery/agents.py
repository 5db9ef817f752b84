"""Who a user agent says it is: a person's browser or app, or a program that nobody watches through.

Two lists that are kept up by others know the names; what they don't know yet says so by its form: it gives an address
to write to, calls itself a scanner, or names no device that a person holds. Cheap for agents that were met before.
"""

import re
from functools import lru_cache

from crawlerdetect import CrawlerDetect
from crawleruseragents import CRAWLER_USER_AGENTS_DATA, is_crawler

KNOWN = 50_000
"""So many agents are remembered; a market's people have a few thousand."""
_lists = CrawlerDetect()
_NAMED = frozenset(agent for one in CRAWLER_USER_AGENTS_DATA for agent in one["instances"])
"""Agents that a list holds whole."""

# A phone's model and build, up to the next semicolon: models are called Cron, Sonic or Bot 552, and a list takes a
# build that millions of phones have for a crawler's.
_MODEL = re.compile(r"(?<=\bAndroid )[\d.]+;(?: ?[a-z]{2}[-_][a-z]{2,4};)?[^;()]*", re.I)
# Words that the lists take for a bot's, on phones and in apps of people.
_OF_PEOPLE = re.compile(
    r"\bHTC[ _]Butterfly\w*|\bButterfly [MS]\d?|\bBlackboard/[\d.]+|\bMAUI Runtime|SogouMSE,\S*|"
    r"https?://(?:www\.)?(?:bsalsa\.com|avantbrowser\.com|orcabrowser\.com|xbmc\.org|podbean\.com)\S*|"
    r"\bCronet\b\S*|\bokhttp/[\d.]+|\bSogouSearch Android|\bSGInfo\S*|\bcom\.yandex\.\S*|\byandex(?:station|mini)\w*|"
    r"\bViber\b|\(Unknown; Linux armv7l\)(?=.*\bLGE?\b)",
    re.I,
)
_OF_PROGRAMS = re.compile(
    r"https?:|\bwww\.|@[a-z][\w-]*\.[a-z]|\[at\]|\$\{|"
    r"^mozilla/5\.0 \(compatible; (?!msie|konqueror|windows|linux|u;|ubuntu|android|\w+; (?:msie|windows))[\w-]+[/;)]|"
    r"crawl|spider|scanner|\bscan\b|\bprobe|monitor|fetcher|check(?:er)?\b|research|survey|\brecon\b|prospect|inspect|"
    r"detector|finder|lookup|validat|\baudit|synthetic|diagnos|\bstudy\b|\bgoogle-|measure|externalhit|adsense|"
    r"\w+agent\b|assess|\bproxy\)|automat|headless|workflow|assetnote|yunjiankong|"
    r"like gecko; compatible|\btime/\d{10}|-snapshot\b|\(unknown; linux|\(x11; windows|functionize|convertify|"
    r"\(cow\)|webmoney advisor",
    re.I,
)
_DEVICE = re.compile(
    r"windows|win(?:9[58]|nt|32|64|ce)|wow64|\bwin1?\d\b|mac[ _]?os|macintosh|mac_|\bosx\b|os=mac|iphone|ipad|ipod|"
    r"\bios\b|watchos|tvos|visionos|darwin|cfnetwork|android|dalvik|linux|x11|cros|harmony|tizen|web0s|webos|"
    r"playstation|xbox|nintendo|kaios|blackberry|\bbb10|symb|series ?[46]0|midp|cldc|j2me|\bwap|brew|bada|meego|bsd|"
    r"sunos|haiku|amiga|beos|os/2|morphos|nokia|samsung|sec-|sonyericsson|\blg[\b/-]|lge?-|mot-|opera mini|"
    r"smart-?tv|hbbtv|roku|netcast|aros|palm|silk|kindle|nook|maemo|fuchsia|risc ?os|irix|hp-ux|unix|solaris|ucweb|"
    r"netfront|obigo|teleca|up\.browser|zte|huawei|alcatel|sharp|sie-|panasonic|docomo|kddi|softbank|vodafone|"
    r"playbook|syllable|j-phone|spreadtrum|profile/|configuration|\bmre\b|threadx|cloud phone|fban/|\(mobile;|"
    r"\(d?tv[;)]|\(astro;|crkey|andr0id|\bps[345]\b",
    re.I,
)


@lru_cache(maxsize=KNOWN)
def is_program(agent: str) -> bool:
    """Whether nobody watches through it. An empty agent is not told: nothing is known of it."""
    if not agent.strip():
        return False
    if agent in _NAMED or not _DEVICE.search(agent):
        return True
    rest = _MODEL.sub("", _OF_PEOPLE.sub("", agent))
    return bool(_OF_PROGRAMS.search(rest) or _lists.isCrawler(rest) or is_crawler(rest))
