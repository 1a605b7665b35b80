#!/bin/sh
# Make the images of the container tests where none can be pulled (root, debootstrap, an engine).
#   images.sh base      Debian bookworm with python3.11, by debootstrap and `docker import`
#   images.sh kafka     Apache Kafka from the embedded broker's jars and Java
#   images.sh worker    the Dockerfile's worker on that base (learner: the same with torch, large)
#   images.sh all       base, kafka and worker
# An image that is there is kept (the worker is always built, from the engine's cache); REBUILD=1
# makes it anew. Names start with SEGUE_IMAGE_PREFIX (segue-test). PYTHON is the interpreter that
# has the project's packages. This machine's certificates and pip settings go into the base image
# alone, which nobody ships: nothing of them is named here.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
prefix=${SEGUE_IMAGE_PREFIX:-segue-test}
python=${PYTHON:-$root/.venv/bin/python}
base=$prefix/base:bookworm
kafka=$prefix/kafka:4.3.1
export DOCKER_BUILDKIT=0 # the engine's own builder: BuildKit may want to pull a frontend

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

have() { [ -z "${REBUILD:-}" ] && docker image inspect "$1" >/dev/null 2>&1; }

make_base() {
    have "$base" && return 0
    if ! command -v debootstrap >/dev/null; then
        echo "images: debootstrap is not installed; apt-get install -y debootstrap" >&2
        exit 3
    fi
    echo "images: $base by debootstrap (about half a minute)"
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv \
        bookworm "$work/root" >"$work/log" 2>&1 || { tail -n 15 "$work/log" >&2; exit 3; }
    cp -L /etc/ssl/certs/ca-certificates.crt "$work/root/etc/ssl/certs/ca-certificates.crt"
    {
        echo '[global]'
        [ -z "${PIP_INDEX_URL:-}" ] || echo "index-url = $PIP_INDEX_URL"
        [ -z "${PIP_EXTRA_INDEX_URL:-}" ] || echo "extra-index-url = $PIP_EXTRA_INDEX_URL"
        [ ! -f "${PIP_CONFIG_FILE:-/etc/pip.conf}" ] \
            || grep -vxF '[global]' "${PIP_CONFIG_FILE:-/etc/pip.conf}"
    } >"$work/root/etc/pip.conf"
    rm -rf "$work/root"/var/cache/apt/archives/*.deb "$work/root"/var/lib/apt/lists/*
    tar -C "$work/root" -c . | docker import --change 'CMD ["bash"]' - "$base"
}

make_kafka() {
    have "$kafka" && return 0
    make_base
    echo "images: $kafka from the embedded broker's jars"
    cp -r "$here/kafka" "$work/kafka"
    (cd "$root" && "$python" "$here/kafka/collect.py" "$work/kafka")
    docker build --build-arg "BASE=$base" -t "$kafka" "$work/kafka"
}

# $1: the Dockerfile's stage. The host's network, since a sandbox may give builds no other.
make_ours() {
    make_base
    docker build --network host --build-arg "BASE=$base" --target "$1" \
        -t "$prefix/$1:0.1.0" "$root"
}

case ${1:-} in
    base) make_base ;;
    kafka) make_kafka ;;
    worker | learner) make_ours "$1" ;;
    all)
        make_base
        make_kafka
        make_ours worker
        ;;
    *)
        echo "usage: images.sh base|kafka|worker|learner|all" >&2
        exit 2
        ;;
esac
