# The product in one image: `docker build -t testkase .`; see docs/operations.md#containers.

FROM debian:trixie-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 python3-pip python3-venv \
    && rm -rf /var/lib/apt/lists/*
# requirements-tracing.lock holds what sends spans to a collector as well.
ARG LOCK=requirements.lock
COPY requirements.lock requirements-tracing.lock /build/
# pip stays outside: the environment of the product holds nothing that could install anything.
RUN python3 -m venv --without-pip /opt/testkase \
    && python3 -m pip --python /opt/testkase/bin/python install --no-cache-dir --no-input --no-deps --require-hashes \
        --only-binary :all: -r "/build/$LOCK"
COPY src /opt/testkase/src
RUN echo /opt/testkase/src > "$(/opt/testkase/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/testkase-source.pth" \
    && /opt/testkase/bin/python -m compileall -q /opt/testkase/src

FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libgomp1 python3 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/testkase /opt/testkase
COPY deploy/entrypoint.sh /usr/local/bin/testkase
COPY deploy/healthcheck.py /opt/testkase/healthcheck.py
# Any user of group 0 may run it: platforms that choose the uid themselves keep that group.
RUN useradd --uid 10001 --gid 0 --no-create-home --home-dir /data testkase \
    && mkdir /data \
    && chown 10001:0 /data \
    && chmod 2770 /data
ENV HOST=0.0.0.0 PORT=8000 TESTKASE_DATA=/data HOME=/data PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:0
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-I", "/opt/testkase/healthcheck.py"]
ENTRYPOINT ["testkase"]
CMD ["serve"]
