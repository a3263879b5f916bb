# One image for every process of the service; its command says which: serve, worker, bridge, relay, migrate, seed.
# The first stage installs what the lock names into /opt/holdfast, the second has only Python and that directory.
ARG PYTHON_IMAGE=python:3.13.16-slim-trixie

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/build && python -m venv --without-pip /opt/holdfast
WORKDIR /src
COPY requirements-service.txt deploy/requirements-build.txt ./
RUN /opt/build/bin/pip install --require-hashes --only-binary :all: --requirement requirements-build.txt \
    && /opt/build/bin/pip --python /opt/holdfast install --require-hashes --only-binary :all: \
        --requirement requirements-service.txt
COPY pyproject.toml ./
COPY domain ./domain
COPY runtime ./runtime
COPY db ./db
COPY workflows ./workflows
COPY activities ./activities
COPY gateway ./gateway
COPY workers ./workers
COPY holdfast ./holdfast
RUN /opt/build/bin/hatchling build --target wheel --directory /dist \
    && /opt/build/bin/pip --python /opt/holdfast install --no-index --no-deps /dist/*.whl

FROM ${PYTHON_IMAGE}
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin holdfast
COPY --from=build /opt/holdfast /opt/holdfast
# Open to every address, so nothing that is only good for trying out may do: APP_ENV=development says otherwise.
ENV PATH=/opt/holdfast/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 APP_HOST=0.0.0.0 APP_ENV=production
# By number, so that an orchestrator sees that it is not root.
USER 10001
# REST, gRPC, health and metrics.
EXPOSE 8080 9090 9091
# The drain begins with it; allow 30 seconds before a kill.
STOPSIGNAL SIGTERM
# Alive, not ready: an orchestrator that restarts the unhealthy must not do so because Postgres is away.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-ISc", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('PROMETHEUS_PORT', '9091')}/health/live\", timeout=2)"]
ENTRYPOINT ["holdfast"]
CMD ["serve"]
