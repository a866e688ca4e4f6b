# One image for every role: `groundswell worker ROLE`. Nothing is compiled and nothing runs as root.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements/bootstrap.lock requirements/default.lock requirements/
RUN python -m venv /opt/groundswell \
    && /opt/groundswell/bin/pip install --no-cache-dir --require-hashes -r requirements/bootstrap.lock \
    && /opt/groundswell/bin/uv pip install --no-cache --python /opt/groundswell/bin/python --require-hashes \
        -r requirements/default.lock
COPY pyproject.toml README.md LICENSE ./
COPY stream stream
COPY classifier classifier
COPY alerts alerts
COPY deploy deploy
RUN /opt/groundswell/bin/uv pip install --no-cache --python /opt/groundswell/bin/python --no-deps \
        --no-build-isolation .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/groundswell groundswell \
    && install -d -o groundswell -g groundswell /var/lib/groundswell/.groundswell
COPY --from=build /opt/groundswell /opt/groundswell
ENV PATH=/opt/groundswell/bin:$PATH PYTHONUNBUFFERED=1
USER groundswell
WORKDIR /var/lib/groundswell
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 CMD ["python", "-m", "deploy.health"]
ENTRYPOINT ["groundswell"]
CMD ["--help"]
