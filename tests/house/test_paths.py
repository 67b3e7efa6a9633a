from pathlib import Path

import pytest

from bot.app import seen

PATHS = {"/srv/infra": "/estate", "/srv/infra/media": "/media"}


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("/srv/infra", "/estate"),
        ("/srv/infra/grafana", "/estate/grafana"),
        ("/srv/infra/media/x", "/media/x"),
        ("/srv/infrastructure", "/srv/infrastructure"),
        ("/elsewhere", "/elsewhere"),
    ],
)
def test_a_path_of_the_host_is_found_where_the_bot_sees_it(host: str, here: str) -> None:
    assert seen(Path(host), PATHS) == Path(here)
