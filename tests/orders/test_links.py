import pytest

from orders import links


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://shop.example/a?b=1#c", "https://shop.example/a?b=1#c"),
        ("HTTPS://Shop.Example.COM/Path", "https://shop.example.com/Path"),
        ("https://shop.example.com:443/", "https://shop.example.com/"),
        ("https://shop.example.com:8443/x", "https://shop.example.com:8443/x"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://例え.テスト/", "https://xn--r8jz45g.xn--zckzah/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
    ],
)
def test_a_public_https_page_is_taken(typed, kept):
    assert links.checked(typed) == kept


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("http://shop.example/", "not_https"),
        ("javascript:alert(1)", "not_https"),
        ("//shop.example/", "not_https"),
        ("shop.example", "not_https"),
        ("ftp://shop.example/", "not_https"),
        ("https://", "host"),
        ("https:///path", "host"),
        ("https://user:secret@shop.example/", "credentials"),
        ("https://shop.example@evil.example/", "credentials"),
        ("https://@shop.example/", "credentials"),
        ("https://localhost/", "private"),
        ("https://LOCALHOST./", "private"),
        ("https://printer.local/", "private"),
        ("https://db.internal/", "private"),
        ("https://shop/", "host"),
        ("https://127.0.0.1/", "private"),
        ("https://127.1/", "host"),
        ("https://2130706433/", "host"),
        ("https://0x7f000001/", "host"),
        ("https://0177.0.0.1/", "host"),
        ("https://１２７.0.0.1/", "private"),
        ("https://127。0。0。1/", "private"),
        ("https://10.1.2.3/", "private"),
        ("https://172.16.0.1/", "private"),
        ("https://192.168.0.1/", "private"),
        ("https://169.254.169.254/latest/meta-data", "private"),
        ("https://100.64.0.1/", "private"),
        ("https://0.0.0.0/", "private"),
        ("https://224.0.0.1/", "private"),
        ("https://[::1]/", "host"),
        ("https://[::ffff:127.0.0.1]/", "host"),
        ("https://[fe80::1%25eth0]/", "host"),
        ("https://-bad-.example/", "host"),
        ("https://a..example/", "host"),
        ("https://shop.example:99999/", "malformed"),
        ("https://shop.example:0/", "malformed"),
        ("https://shop.example:x/", "malformed"),
        ("https://shop.example/a b", "malformed"),
        ("https://shop.example\\@evil.example/", "malformed"),
        ("https://shop.example/\n", "malformed"),
        ("https://shop.example/\x00", "malformed"),
        ("https://[::1/", "malformed"),
        ("https://shop.example/" + "a" * 2000, "too_long"),
    ],
)
def test_anything_else_is_refused_by_name(typed, code):
    with pytest.raises(links.BadLink) as refused:
        links.checked(typed)
    assert refused.value.code == code
    assert str(refused.value.detail)
