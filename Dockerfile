# One image for migrate, ingest, api and the simulators; docker-compose.yml says who runs what.

FROM python:3.13.5-slim-bookworm AS build
COPY requirements/server.txt /tmp/server.txt
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: \
        --requirement /tmp/server.txt
COPY bypuls /app/bypuls
COPY ingest /app/ingest
COPY api /app/api
COPY dashboards /app/dashboards
COPY simulators /app/simulators
COPY edge /app/edge
RUN /opt/venv/bin/python -m compileall -q /app

FROM python:3.13.5-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin bypuls
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
COPY LICENSE /app/LICENSE
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1
USER 10001
WORKDIR /app
ENTRYPOINT ["python", "-m", "bypuls"]
CMD ["--help"]
