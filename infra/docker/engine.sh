#!/bin/sh
# Start or stop a Docker engine for the container tests, where none is managed by the machine.
#   engine.sh start    an engine that answers is left alone; else dockerd is started (needs root)
#   engine.sh stop     ends only the engine that `start` began, known by its recorded process id
# Exit codes: 0 done, 2 misuse, 3 no engine can run here. SEGUE_DOCKERD_FLAGS adds flags to dockerd.
set -eu

state=${SEGUE_ENGINE_DIR:-/run/segue-engine}
pidfile=$state/dockerd.pid
log=$state/dockerd.log

answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# The recorded process, only while it still is a dockerd: a process id may have been given away.
ours() {
    [ -s "$pidfile" ] || return 1
    pid=$(cat "$pidfile")
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]
}

start() {
    if answers; then
        echo "engine: $(docker version --format '{{.Server.Version}}') answers, nothing to start"
        return 0
    fi
    if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
        echo "engine: dockerd or docker is not installed; apt-get install -y docker.io" >&2
        return 3
    fi
    if [ "$(id -u)" != 0 ]; then
        echo "engine: dockerd needs root and this is uid $(id -u); start the engine yourself" >&2
        return 3
    fi
    mkdir -p "$state"
    # shellcheck disable=SC2086  # the flags are meant to be split
    setsid dockerd --pidfile "$pidfile" ${SEGUE_DOCKERD_FLAGS:-} >"$log" 2>&1 </dev/null &
    for _ in $(seq 150); do
        if answers; then
            echo "engine: started $(docker version --format '{{.Server.Version}}'), log $log"
            return 0
        fi
        sleep 0.2
    done
    echo "engine: dockerd did not answer within 30 s; its last lines:" >&2
    tail -n 15 "$log" >&2
    stop
    return 3
}

stop() {
    if ! ours; then
        rm -f "$pidfile"
        echo "engine: none was started from here, nothing to stop"
        return 0
    fi
    kill -TERM "$pid"
    for _ in $(seq 150); do
        [ -d "/proc/$pid" ] || break
        sleep 0.2
    done
    if [ -d "/proc/$pid" ]; then
        echo "engine: dockerd ($pid) is still running 30 s after SIGTERM; see $log" >&2
        return 1
    fi
    rm -f "$pidfile"
    echo "engine: stopped"
}

case ${1:-} in
    start) start ;;
    stop) stop ;;
    *)
        echo "usage: engine.sh start|stop" >&2
        exit 2
        ;;
esac
