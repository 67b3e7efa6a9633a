"""Which metrics an expression reads."""

import pytest

from audit.promql import asks_for_absence, metrics_of


@pytest.mark.parametrize(
    ("expression", "metrics"),
    [
        ("up == 0", {"up"}),
        ("rate(http_requests_total{job=\"a b\", code!~'5..'}[5m] offset 1w) > 0.1", {"http_requests_total"}),
        ("sum by (job, instance) (a) / on(job) group_left(x) b", {"a", "b"}),
        ("sum(a) without (x) > bool 1 and ignoring(y) job:b:rate5m unless c", {"a", "job:b:rate5m", "c"}),
        ("histogram_quantile(0.9, sum(rate(h_bucket[5m])) by (le)) > 1e3", {"h_bucket"}),
        ('label_replace(a, "dst", "$1", "src", "(.*)b") # c > 1', {"a"}),
        ('{__name__=~"node_.*"} > 0x1F', set()),
        ("vector(1) == Inf", set()),
        ("max_over_time(a[1h:5m] @ start()) + time() - -b", {"a", "b"}),
    ],
)
def test_metrics(expression: str, metrics: set[str]) -> None:
    assert metrics_of(expression) == metrics


def test_absence() -> None:
    assert asks_for_absence("absent(up{job='a'}) or absent_over_time(b[5m])")
    assert not asks_for_absence("absent_total > 1")
