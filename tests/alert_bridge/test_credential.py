"""Who may post: only who shows the secret, in the form that it is configured in."""

import base64

import pytest

from alert_bridge.credential import Anybody, Basic, Bearer, Credential, Header


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize(
    ("credential", "headers", "admitted"),
    [
        (Bearer("long-and-right"), {"Authorization": "Bearer long-and-right"}, True),
        (Bearer("long-and-right"), {"Authorization": "bearer  long-and-right "}, True),
        (Bearer("long-and-right"), {"Authorization": "Bearer long-and-righ"}, False),
        (Bearer("long-and-right"), {"Authorization": "Bearer long-and-right2"}, False),
        (Bearer("long-and-right"), {"Authorization": "Basic long-and-right"}, False),
        (Bearer("long-and-right"), {"Authorization": "long-and-right"}, False),
        (Bearer("long-and-right"), {"Authorization": "Bearer \udcff"}, False),
        (Bearer("long-and-right"), {}, False),
        (Bearer("schlüssel"), {"Authorization": "Bearer schlüssel"}, True),
        (Bearer(""), {"Authorization": "Bearer "}, False),
        (Bearer(""), {}, False),
        (Basic("am", "right"), {"Authorization": basic("am:right")}, True),
        (Basic("am", "ri:ght"), {"Authorization": basic("am:ri:ght")}, True),
        (Basic("am", "right"), {"Authorization": basic("am:wrong")}, False),
        (Basic("am", "right"), {"Authorization": basic("am")}, False),
        (Basic("am", "right"), {"Authorization": "Basic !"}, False),
        (Basic("am", "right"), {"Authorization": "Bearer am:right"}, False),
        (Header("X-Token", "right"), {"X-Token": "right"}, True),
        (Header("X-Token", "right"), {"X-Token": "wrong"}, False),
        (Header("X-Token", "right"), {"Authorization": "Bearer right"}, False),
        (Header("X-Token", ""), {}, False),
        (Anybody(), {}, True),
    ],
)
def test_who_may_post(credential: Credential, headers: dict[str, str], admitted: bool) -> None:
    assert credential.admits(headers) is admitted


@pytest.mark.parametrize("credential", [Bearer("s3cret"), Basic("am", "s3cret"), Header("X-Token", "s3cret")])
def test_a_secret_is_in_no_repr(credential: Credential) -> None:
    assert "s3cret" not in repr(credential)
