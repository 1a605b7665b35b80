# Two images from one file: `worker` serves (no torch, no compiler), `learner` trains and promotes.
#   docker build --target worker -t segue-worker:0.1.0 .
#   docker build --target learner -t segue-learner:0.1.0 .
# BASE is pinned by its full version. A digest pins harder; take it where the image can be pulled:
#   docker buildx imagetools inspect python:3.11.15-slim-bookworm
# Any Debian image with python3.11 and its venv module will do (infra/docker/images.sh makes one).
ARG BASE=python:3.11.15-slim-bookworm

# The user, the places and the settings that both images share.
FROM ${BASE} AS runtime
RUN groupadd --gid 10001 segue \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp \
        --shell /usr/sbin/nologin segue \
    && install -d -o segue -g segue /var/lib/segue/models \
    && printf '#!/opt/venv/bin/python\nfrom cli.main import main\n\nmain()\n' \
        >/usr/local/bin/segue \
    && chmod 755 /usr/local/bin/segue
# PYTHONPATH puts our folders before site-packages, where another `models` may live. Nothing is
# written beside the code: the packages and the code are compiled while the image is built.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ORT_DISABLE_TELEMETRY=1 \
    FAUST_DATADIR=/tmp/faust \
    SEGUE_MODELS__ROOT=/var/lib/segue/models
WORKDIR /app

FROM ${BASE} AS code
WORKDIR /app
COPY LICENSE pyproject.toml ./
COPY infra infra
COPY streams streams
COPY export export
COPY models models
COPY benchmarks benchmarks
COPY cli cli
# The folders are not installed, so `segue --version` finds its metadata here.
RUN python3.11 -c "import pathlib as p, tomllib; \
        project = tomllib.loads(p.Path('pyproject.toml').read_text())['project']; \
        name, version = project['name'], project['version']; \
        info = p.Path(f'{name}-{version}.dist-info'); \
        info.mkdir(); \
        (info / 'METADATA').write_text(f'Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n')" \
    && python3.11 -m compileall -q /app

FROM ${BASE} AS worker-packages
COPY requirements.worker.lock /tmp/
RUN python3.11 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: \
        -r /tmp/requirements.worker.lock

FROM runtime AS worker
COPY --from=worker-packages /opt/venv /opt/venv
COPY --from=code /app /app
USER 10001:10001
EXPOSE 9100
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9100/ready', timeout=2)"]
ENTRYPOINT ["segue"]
CMD ["worker", "--metrics-host", "0.0.0.0", "--metrics-port", "9100"]

FROM ${BASE} AS learner-packages
COPY requirements.learner.lock /tmp/
RUN python3.11 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: \
        -r /tmp/requirements.learner.lock

FROM runtime AS learner
COPY --from=learner-packages /opt/venv /opt/venv
COPY --from=code /app /app
USER 10001:10001
ENTRYPOINT ["segue"]
CMD ["finetune", "--every", "60s"]
