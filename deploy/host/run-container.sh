#!/usr/bin/env bash
# ExecStart of video-worker-container@.service: one container, and for systemd what a worker on the host says itself:
# that it is ready, that it lives (/healthz: a recent poll, or a reason for none), that it stops.
# run-container.sh NAME; IMAGE_URI and what else /etc/video-worker/instance holds is in the environment.
set -euo pipefail

name=video-worker-$1
page=http://127.0.0.1:9090/healthz
# Below TimeoutStopSec, above DRAIN_SECONDS and the last words.
stop_seconds=107

options=(
  # Made anew at each start: a container that is only restarted keeps its old environment.
  --rm --name "$name"
  # A killed predecessor's scratch folder is known by the host's name.
  --hostname "$(uname -n)"
  --stop-timeout "$stop_seconds"
  --read-only --tmpfs '/tmp:rw,nosuid,nodev,noexec,size=64m'
  -v /var/lib/video-worker:/scratch -e VIDEO_WORKER_TEMP_DIR=/scratch
  # Root, so that ffmpeg is another user than the worker, whose environment it must not read: docs/security.md. With what
  # that takes, and nothing more.
  --user 0:0 --cap-drop ALL --security-opt no-new-privileges
  --cap-add SETUID --cap-add SETGID --cap-add SETPCAP --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add KILL
  --pids-limit 8192 --ulimit core=0 --ulimit nofile=65536 --oom-score-adj -500
  -p 127.0.0.1:9090:9090 -e HTTP_HOST=0.0.0.0 -e HTTP_PORT=9090
  # As `env pull --format docker` wrote it: docker keeps quotes, where systemd takes them away.
  --env-file /etc/video-worker/env --env-file /etc/video-worker/instance
)
if [[ -n ${LOG_GROUP:-} ]]; then
  # non-blocking: CloudWatch that does not answer must not stop the worker.
  options+=(--log-driver awslogs --log-opt "awslogs-region=$AWS_REGION" --log-opt "awslogs-group=$LOG_GROUP"
    --log-opt "awslogs-stream=${LOG_STREAM:-$(uname -n)}" --log-opt mode=non-blocking --log-opt max-buffer-size=8m)
fi

docker rm -f "$name" >/dev/null 2>&1 || true
docker run "${options[@]}" "$IMAGE_URI" &
client=$!

stopping=
# shellcheck disable=SC2317  # by the trap below
stop() {
  if [[ -n $stopping ]]; then return; fi
  stopping=yes
  systemd-notify STOPPING=1 || true
  docker stop --time "$stop_seconds" "$name" >/dev/null || true
}
trap stop TERM INT

ready=
while kill -0 "$client" 2>/dev/null; do
  if health=$(curl -sf --max-time 5 "$page"); then
    if [[ -z $ready && $health == *'"state":"running"'* ]]; then ready=READY=1; systemd-notify "$ready" || true; fi
    if [[ -n $ready ]]; then systemd-notify WATCHDOG=1 "STATUS=$health" || true; fi
  fi
  # A trap runs only between commands, and `wait` is one that a signal ends.
  sleep 5 & wait $! || true
done
status=0
wait "$client" || status=$?
exit "$status"
