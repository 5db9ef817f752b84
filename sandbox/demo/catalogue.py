"""Who is on the demo's platform, and what they have published. Facts as a platform's server would send them."""

from typing import Any, Final

SYNCED_AT: Final = "2026-11-26T09:00:00Z"
"""When these facts were last changed here. Raise it with them, or a system that has the old ones keeps those."""

ACCOUNTS: Final[dict[str, dict[str, Any]]] = {
    "rumah.sari": {
        "username": "rumah.sari", "type": "business", "country": "ID", "birth_date": "1986-03-14",
        "language": "id", "timezone": "Asia/Jakarta", "followers": 128_400,
    },
    "clay.and.kiln": {
        "username": "clay.and.kiln", "type": "creator", "country": "GB", "birth_date": "1992-08-02",
        "language": "en", "timezone": "Europe/London", "followers": 48_210,
    },
    "northpine.coffee": {
        "username": "northpine.coffee", "type": "business", "country": "US", "birth_date": "1979-11-30",
        "language": "en", "timezone": "America/New_York", "followers": 17_950,
    },
    "siamcase": {
        "username": "siamcase", "type": "business", "country": "TH", "birth_date": "1995-01-21",
        "language": "th", "timezone": "Asia/Bangkok", "followers": 63_700,
    },
    "lena.geht.rauf": {
        "username": "lena.geht.rauf", "type": "personal", "country": "DE", "birth_date": "1998-06-09",
        "language": "de", "timezone": "Europe/Berlin", "followers": 2_310,
    },
    "noura.bakes": {
        "username": "noura.bakes", "type": "creator", "country": "SA", "birth_date": "1990-12-17",
        "language": "ar", "timezone": "Asia/Riyadh", "followers": 210_600,
    },
    "reef.and.wax": {
        "username": "reef.and.wax", "type": "business", "country": "AU", "birth_date": "1991-02-11",
        "language": "en", "timezone": "Australia/Sydney", "followers": 12_440,
    },
    "maple.stitch": {
        "username": "maple.stitch", "type": "creator", "country": "CA", "birth_date": "1989-09-27",
        "language": "en", "timezone": "America/Toronto", "followers": 8_730,
    },
    "mo.skates": {
        "username": "mo.skates", "type": "personal", "country": "GB",
        "language": "en", "timezone": "Europe/London", "followers": 890,
    },
}  # fmt: skip
"""By external id. mo.skates has told nobody a birthday, so Promote asks for it."""


def _video(caption: str, *, seconds: int, day: str, **facts: Any) -> dict[str, Any]:
    published = f"2026-11-{day}:00Z"
    return {
        "caption": caption, "duration_s": seconds, "published_at": published,
        "visibility": "public", "status": "active", **facts,
    }  # fmt: skip


def _commercial(title: str) -> dict[str, Any]:
    return {"title": title, "licence": "commercial"}


def _anchor(product: str, title: str, minor: int, currency: str, **facts: Any) -> dict[str, Any]:
    url = f"https://shop.example.com/{product}"
    return {"product_id": product, "title": title, "price": {"amount_minor": minor, "currency": currency},
            "url": url, **facts}  # fmt: skip


OWN_SOUND: Final = {"title": "original sound", "licence": "original", "own_sound": True}

VIDEOS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "rumah.sari": {
        "sari-parang": _video(
            "Dari malam sampai pelorodan: 14 hari kerja dalam 20 detik. Motif parang, pewarna indigo.",
            seconds=20, day="21T09:30", music=_commercial("Gending Sore"),
            anchor=_anchor("sari-kain-parang", "Kain batik tulis motif parang, 2,4 m", 42_500_000, "IDR")),
        "sari-selendang": _video(
            "Selendang mega mendung, habis dalam dua hari. Batch berikutnya Januari.",
            seconds=15, day="18T11:05", music=_commercial("Hujan di Cirebon"),
            anchor=_anchor("sari-selendang-mega", "Selendang mega mendung", 18_900_000, "IDR", in_stock=False)),
        "sari-lilin": _video(
            "Kenapa batik tulis yang baru berbau malam? Karena memang lilin lebah, dan baunya hilang sendiri.",
            seconds=34, day="22T12:10", music=_commercial("Teh Manis")),
        "sari-tiga-gaya": _video(
            "Satu kain, tiga gaya. Yang ketiga dipakai ke kantor.",
            seconds=27, day="20T10:00", music={"title": "Trending dance mix", "licence": "general"}),
        "sari-rumah-baru": _video(
            "Ruang batik baru, belum selesai dicat. Jangan disebar dulu ya.",
            seconds=41, day="23T08:20", visibility="private"),
    },
    "clay.and.kiln": {
        "clay-one-ball": _video(
            "One ball of stoneware, one mug, no cuts. Sound on for the trimming.",
            seconds=58, day="22T17:40", music=OWN_SOUND),
        "clay-kiln-41": _video(
            "Kiln opening no. 41. Did the copper red survive? (Shelf two did not.)",
            seconds=44, day="20T18:15", music=_commercial("Slow Sunday")),
        "clay-moon-mug": _video(
            "The moon mug is back. Forty of them, and then this glaze is gone for good.",
            seconds=23, day="23T16:00", music=_commercial("Paper Lanterns"),
            anchor=_anchor("clay-moon-mug", "Moon mug, 300 ml, tenmoku glaze", 3_400, "GBP")),
        "clay-raku": _video(
            "Raku in the back garden at midnight. The neighbours have questions.",
            seconds=31, day="12T22:30", music=_commercial("Embers"), status="suspended"),
        "clay-handles": _video(
            "Pulling handles, the part everybody skips. Three mistakes and how to save each.",
            seconds=72, day="16T12:00", music={"title": "that piano song", "licence": "unknown"}),
    },
    "northpine.coffee": {
        "pine-first-crack": _video(
            "We roast on Tuesdays. This is first crack: turn the sound up.",
            seconds=19, day="17T14:00", music=OWN_SOUND),
        "pine-pour-over": _video(
            "Pour-over in forty seconds: 18 grams, 300 of water, three pours. Recipe at the link.",
            seconds=40, day="22T13:30", music=_commercial("Maple Street")),
        "pine-night-shift": _video(
            "Decaf that our night-shift nurses asked for twice. Sugarcane process, Huila.",
            seconds=26, day="19T20:45", music=_commercial("Late Bus"),
            anchor=_anchor("pine-night-shift", "Night Shift decaf, 12 oz", 1_950, "USD")),
        "pine-barn": _video(
            "The barn before we moved the roaster in.",
            seconds=33, day="02T15:10", music=_commercial("Gravel Road"), visibility="friends"),
    },
    "siamcase": {
        "siam-yellow": _video(
            "เคสใสไม่เหลืองจริงไหม? ทดสอบตากแดด 90 วัน ดูตอนจบ",
            seconds=38, day="21T10:00", music=_commercial("Talad Noi")),
        "siam-drop": _video(
            "ปล่อยจากชั้นสอง แล้วเปิดดูพร้อมกัน",
            seconds=24, day="23T04:30", music=_commercial("Tuk Tuk Run")),
        "siam-elephant": _video(
            "ลายช้างมาแล้ว พิมพ์สองชั้น ไม่ลอก พร้อมส่งจากกรุงเทพ",
            seconds=17, day="20T09:00", music=_commercial("Sampan"),
            anchor=_anchor("siam-elephant", "เคสลายช้าง iPhone 15", 29_000, "THB")),
    },
    "lena.geht.rauf": {
        "lena-watzmann": _video(
            "Watzmann-Ostwand, 4:12 Uhr. Für diese zehn Minuten bin ich um eins aufgestanden.",
            seconds=29, day="15T18:30"),
        "lena-packliste": _video(
            "Drei Tage Hütte, 6,8 Kilo, alles dabei. Die Packliste zum Mitschreiben.",
            seconds=52, day="21T17:00", music=_commercial("Bergbach")),
        "lena-biwak": _video(
            "Biwak bei minus acht. Würde ich wieder tun, aber mit der anderen Matte.",
            seconds=36, day="10T19:45", music={"title": "Chart hit (sped up)", "licence": "general"}),
    },
    "noura.bakes": {
        "noura-kabsa": _video(
            "كبسة الدجاج على طريقة جدتي، والسر في اللومي.",
            seconds=48, day="22T15:00", music=_commercial("Layali")),
        "noura-coffee": _video(
            "قهوة سعودية بالهيل والزعفران في دقيقة، بدون أن تفور.",
            seconds=57, day="19T16:20", music=_commercial("Majlis")),
        "noura-maamoul": _video(
            "معمول التمر: العجينة ترتاح ساعة، وأنتِ كذلك.",
            seconds=63, day="14T13:00", music={"title": "من صوت صديقتي", "licence": "original", "own_sound": False}),
    },
    "reef.and.wax": {
        "reef-pour": _video(
            "Forty bars poured before the morning swell. Beeswax, coconut, nothing else.",
            seconds=24, day="20T06:40", music=_commercial("Slow Set")),
    },
    "maple.stitch": {
        "maple-loon": _video(
            "A loon in 3,100 stitches, sped up so that you can watch it in one coffee.",
            seconds=31, day="19T19:15", music=_commercial("Early Ice")),
    },
    "mo.skates": {
        "mo-kickflip": _video(
            "Kickflip no. 200. Landed it when nobody was filming, so here is no. 201.",
            seconds=12, day="23T19:00", music=_commercial("Concrete")),
    },
}  # fmt: skip
"""By account, then external id. Ten of them can't be promoted as they are, each for another reason."""

LIVES: Final[dict[str, dict[str, Any]]] = {
    "sari-lelang": {"account": "rumah.sari", "title": "Lelang batik: kain mulai dari 50 ribu", "state": "on_air"},
    "clay-opening": {
        "account": "clay.and.kiln", "title": "Kiln opening, live: you choose the first bowl", "state": "scheduled",
    },
}  # fmt: skip
