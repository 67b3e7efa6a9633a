"""Prometheus with given rules, targets and Alertmanagers."""

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from tests.real.components.http import Json, answers, request
from tests.real.components.ports import free_port
from tests.real.components.process import Process


class Prometheus:
    """One Prometheus with its data in `root`, scraping itself and `targets` ("host:port") each second.

    `rules` is a list as under `groups[].rules` of a rules file; `alertmanagers` are "host:port".
    """

    def __init__(
        self,
        root: Path,
        *,
        rules: Sequence[dict[str, Json]] = (),
        targets: Sequence[str] = (),
        alertmanagers: Sequence[str] = (),
    ) -> None:
        self.root = root
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.rules = list(rules)
        self.targets = list(targets)
        self.alertmanagers = list(alertmanagers)
        self.process: Process | None = None
        root.mkdir(parents=True, exist_ok=True)

    def _write_config(self) -> None:
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(self.root / "rules.yml")],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": self.alertmanagers}]}]},
            "scrape_configs": [
                {
                    "job_name": "prometheus",
                    "static_configs": [{"targets": [f"127.0.0.1:{self.port}"]}],
                },
                {"job_name": "targets", "static_configs": [{"targets": self.targets}]},
            ],
        }
        rules = {"groups": [{"name": "tests", "rules": self.rules}]}
        (self.root / "prometheus.yml").write_text(json.dumps(config, indent=1))
        (self.root / "rules.yml").write_text(json.dumps(rules, indent=1))

    def start(self) -> "Prometheus":
        self._write_config()
        argv = [
            "prometheus",
            f"--config.file={self.root / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.root / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--web.external-url={self.url}",
            # By default a minute, which an alert waits that fired before the Alertmanagers were known.
            "--rules.alert.resend-delay=1s",
        ]
        self.process = Process(argv, log=self.root / "prometheus.log", cwd=self.root)
        self.process.wait_until(lambda: answers(f"{self.url}/-/ready"))
        return self

    def stop(self, *, hard: bool = False) -> None:
        if self.process is not None:
            self.process.kill() if hard else self.process.stop()

    def reload(self) -> None:
        """Write the rules, targets and Alertmanagers again and let it read them."""
        self._write_config()
        if self.process is not None:
            self.process.popen.send_signal(signal.SIGHUP)

    def api(self, path: str, **query: str) -> Json:
        """The `data` of one API call, such as `api("/query", query="up")`."""
        status, answer = request("GET", f"{self.url}/api/v1{path}?{urlencode(query)}")
        if status != 200 or answer.get("status") != "success":
            raise RuntimeError(f"GET {path}: {status} {answer}")
        return answer["data"]
