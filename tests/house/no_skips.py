"""A pytest plugin: a test that does not run is a failure, not a line nobody reads.

Loaded by `-p tests.house.no_skips`. Tests can be left out by naming others (`-k`, a path), never by skipping.
"""

from collections.abc import Generator

import pytest

WORDS = "skipped, and this house skips nothing: install what it needs (make test does) or mend the test"


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: {WORDS}\n{report.longrepr}"
        if hasattr(report, "wasxfail"):
            del report.wasxfail
    return report


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid}: {WORDS}\n{report.longrepr}"
    return report
