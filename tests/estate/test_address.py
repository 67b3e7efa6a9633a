"""Where a registry's answers may lead, and what it may want to be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.address import is_loopback, next_page, place, realm_trouble, redirected, with_query
from estate.challenge import Challenge, read_challenge

FAR = "https://registry.example/v2/app/manifests/1"
HERE = "http://127.0.0.1:5000/v2/app/manifests/1"


@pytest.mark.parametrize(
    ("url", "location", "leads"),
    [
        (FAR, "/v2/other", "https://registry.example/v2/other"),
        (FAR, "https://storage.example/blob?sig=1", "https://storage.example/blob?sig=1"),
        (FAR, "http://storage.example/blob", None),
        (FAR, "http://127.0.0.1:2375/containers/json", None),
        (FAR, "https://127.0.0.1/x", None),
        (FAR, "https://localhost/x", None),
        (FAR, "file:///etc/passwd", None),
        (FAR, "https://[::1", None),
        (FAR, "https:///x", "https://registry.example/x"),
        (HERE, "http://127.0.0.1:6000/x", "http://127.0.0.1:6000/x"),
        (HERE, "https://storage.example/blob", "https://storage.example/blob"),
    ],
)
def test_a_redirect_leads_out_of_https_or_to_this_machine_never(
    url: str, location: str, leads: str | None
) -> None:
    assert redirected(url, location) == leads


@pytest.mark.parametrize(
    ("link", "leads"),
    [
        ('</v2/app/tags/list?last=a&n=9>; rel="next"', "https://r.example/v2/app/tags/list?last=a&n=9"),
        ("<list?last=a>; rel=next", "https://r.example/v2/app/tags/list?last=a"),
        ('<https://r.example/v2/x?a>; rel="next"', "https://r.example/v2/x?a"),
        # TLS ends before it, and it does not know: the token must not follow it into the clear.
        ('<http://r.example/v2/x?a>; rel="next"', "https://r.example/v2/x?a"),
        ('</v2/a>; rel="prev", </v2/b>; rel="next"', "https://r.example/v2/b"),
        ('<https://evil.example/v2/x>; rel="next"', None),
        ('<https://r.example@evil.example/v2/x>; rel="next"', None),
        ('</admin/delete>; rel="next"', None),
        ('<https://[::1>; rel="next"', None),
        ('</v2/a>; rel="prev"', None),
        ("", None),
    ],
)
def test_the_next_page_is_on_the_same_host_in_the_same_way(link: str, leads: str | None) -> None:
    assert next_page("https://r.example/v2/app/tags/list?n=1000", link) == leads


@pytest.mark.parametrize(
    ("realm", "url", "trouble"),
    [
        ("https://auth.docker.io/token", "https://registry-1.docker.io/v2/", ""),
        ("https://auth.example/token?x=1", FAR, ""),
        ("http://auth.example/token", FAR, "which is not https"),
        ("http://127.0.0.1:8080/token", FAR, "which is this machine"),
        ("https://localhost/token", FAR, "which is this machine"),
        ("http://127.0.0.1:8080/token", HERE, ""),
        ("http://auth.example/token", HERE, "which is not https"),
        ("https://me:secret@auth.example/token", FAR, "which is no address"),
        ("/token", FAR, "which is no address"),
        ("", FAR, "which is no address"),
        ("https://[::1", FAR, "which is no address"),
        ("ftp://auth.example/token", FAR, "which is no address"),
    ],
)
def test_a_login_goes_for_a_token_over_https_or_stays(realm: str, url: str, trouble: str) -> None:
    assert realm_trouble(realm, url) == trouble


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_address_of_anybody_is_a_fault(one: str, other: str) -> None:
    for text in (one, f"https://{one}", f"//{one}"):
        is_loopback(text)
        place(text)
        realm_trouble(text, other)
        target = redirected(FAR, text)
        assert target is None or (target.startswith("https://") and not is_loopback(target))
        page = next_page(FAR, f"<{text}>; rel=next")
        assert page is None or page.startswith("https://registry.example/v2/")
        read_challenge(text)


def test_a_realm_keeps_its_own_query() -> None:
    asked = {"service": "a b", "scope": "repository:x:pull"}
    assert with_query("https://a.example/t?k=1#f", asked) == (
        "https://a.example/t?k=1&service=a+b&scope=repository%3Ax%3Apull"
    )


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (
            'Bearer realm="https://a/t",service="s",scope="repository:x:pull"',
            Challenge("bearer", "https://a/t", "s", "repository:x:pull"),
        ),
        (
            'bearer realm="https://a/t", service=s , error="x"',
            Challenge("bearer", "https://a/t", "s"),
        ),
        ('Basic realm="x"', Challenge("basic", "x")),
        ("Basic", Challenge("basic")),
        ('Basic realm="x", Bearer realm="https://a/t",service="s"', Challenge("bearer", "https://a/t", "s")),
        ('Bearer realm="https://a/t",service="s", Basic realm="x"', Challenge("bearer", "https://a/t", "s")),
        (
            'Bearer realm="https://a/t?x=, basic y",service="s"',
            Challenge("bearer", "https://a/t?x=, basic y", "s"),
        ),
        (r'Bearer realm="a\"b"', Challenge("bearer", 'a"b')),
        ('Negotiate, Basic realm="x"', Challenge("basic", "x")),
        ("Negotiate", None),
        ("", None),
    ],
)
def test_what_a_registry_wants_to_be_shown(header: str, wanted: Challenge | None) -> None:
    assert read_challenge(header) == wanted
