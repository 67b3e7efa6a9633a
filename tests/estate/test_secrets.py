"""Which values are secret: enough, and no more than that."""

import pytest

from estate.compose.secrets import secret_values


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTGRES_PASSWORD", "hunter22"),
        ("DBPASSWORD", "hunter22"),
        ("PW", "hunter22"),
        ("apiToken", "abcd-efgh"),
        ("SECRET_KEY_BASE", "two words"),
        ("ENCRYPTION_KEY", "0123456789"),
        ("SLACK_WEBHOOK_URL", "https://hooks.example.org/services/T0/B0/abcdefgh"),
        ("ANYTHING", "0123456789abcdef0123456789abcdef"),
        ("ANYTHING", "aB3dE5gH7jK9mN1pQ3sT"),
        ("BASIC_AUTH", "admin:hunter22"),
    ],
)
def test_secret(name: str, value: str) -> None:
    assert secret_values([(name, value)]) == {value}


@pytest.mark.parametrize("value", ["postgres://wiki:s3cr%40t@db/wiki", "redis://:s3cr%40t@cache:6379/0"])
def test_a_password_in_a_url_is_secret_in_both_spellings_and_the_rest_is_not(value: str) -> None:
    assert secret_values([("DATABASE_URL", value)]) == {"s3cr%40t", "s3cr@t"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TZ", "Europe/Berlin"),
        ("PORT", "3000"),
        ("DOMAIN", "wiki.example.org"),
        ("KEYCLOAK_HOST", "sso.example.org"),
        ("MONKEY", "banana-split"),
        ("PASSWORD_FILE", "/run/secrets/db"),
        ("DB_PASSWORD", "${DB_PASSWORD}"),
        ("TOKEN_TTL", "3600000000"),
        ("AUTH_ENABLED", "true"),
        ("WEBHOOK_URL", "https://n8n.example.org/"),
        ("GIT_COMMIT", "3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a"),
        ("IMAGE_DIGEST", "a1" * 32),
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("PASSWORD", "changeme"),
        ("PASSWORD", "abc"),
        ("SSH_PUBLIC_KEY", "ssh-ed25519"),
    ],
)
def test_not_secret(name: str, value: str) -> None:
    assert secret_values([(name, value)]) == frozenset()


def test_a_password_that_is_a_public_word_would_hide_half_of_every_answer() -> None:
    assert secret_values([("GRAFANA_PASSWORD", "grafana")], {"Grafana"}) == frozenset()
