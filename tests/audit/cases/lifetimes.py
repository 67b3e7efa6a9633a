from tests.audit.cases.case import Case, Must, app, web

FIRE, NEAR, PASS = Must.FIRE, Must.NEAR, Must.PASS


def of(rule: str, must: Must, image: str, **more: object) -> Case:
    return Case(rule, must, image, app(web(image=image)), **more)  # type: ignore[arg-type]


CASES = (
    of("IMG-09", FIRE, "postgres:12.22", says="postgres 12 ended on 2024-11-14", severity="medium"),
    of("IMG-09", FIRE, "docker.io/library/mysql:5.7", says="ended on 2023-10-31"),
    of("IMG-09", FIRE, "mysql:8.0.39-debian", says="ends on 2026-04-30", severity="low"),
    of("IMG-09", FIRE, "hashicorp/vault:1.13.3", says="vault 1.13 ended"),
    of("IMG-09", FIRE, "node:16-alpine", at="app/compose.yml:3:12"),
    of("IMG-09", FIRE, "infisical/infisical:v0.93.1-postgres", says="infisical before 0.147 ended"),
    of("IMG-09", FIRE, "mongo:4.0.28", says="mongo 4.0 ended on 2022-04-30"),
    of("IMG-09", FIRE, "mongo:4.4-focal", says="mongo 4 ended on 2024-02-29"),
    of("IMG-09", FIRE, "quay.io/prometheus/prometheus:v2.54.1", says="prometheus 2 ended on 2025-07-31"),
    of("IMG-09", FIRE, "grafana/grafana-oss:10.4.2", says="grafana-oss 10 ended"),
    of("IMG-09", FIRE, "nginx:1.25-alpine", says="nginx 1.25 ended on 2024-05-29"),
    of("IMG-09", NEAR, "infisical/infisical:v0.147.0"),
    of("IMG-09", NEAR, "infisical/infisical:v0.155.5"),
    of("IMG-09", NEAR, "grafana/grafana:12.3.1"),
    of("IMG-09", NEAR, "prom/prometheus:v20.1.0"),
    of("IMG-09", NEAR, "traefik:3"),
    of("IMG-09", NEAR, "mysql:8.4.3"),
    of("IMG-09", NEAR, "postgres:120"),
    of("IMG-09", NEAR, "postgres:latest"),
    of("IMG-09", NEAR, "example/postgres-exporter:12"),
    of("IMG-09", NEAR, "hashicorp/vault:1.130.0"),
    of("IMG-09", PASS, "postgres:16.4"),
    of("IMG-10", FIRE, "grafana/promtail:3.1.1", says="Alloy"),
    of("IMG-10", FIRE, "index.docker.io/bitnami/redis:7.4", says="bitnamilegacy"),
    of("IMG-10", FIRE, "k8s.gcr.io/pause:3.9"),
    of("IMG-10", FIRE, "k8s.gcr.io/ingress-nginx/controller:v1.2.0"),
    of("IMG-10", FIRE, "vault:1.13.3", says="hashicorp/vault"),
    of("IMG-10", NEAR, "hashicorp/vault:1.17.2"),
    of("IMG-10", NEAR, "ghcr.io/mailu/admin:2024.06"),
    of("IMG-10", NEAR, "registry.example.net/bitnami/redis:7.4"),
    of("IMG-10", PASS, "grafana/alloy:v1.4.2"),
)
