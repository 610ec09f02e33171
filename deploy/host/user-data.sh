#!/usr/bin/env bash
# User data of a worker's instance: makes it one, once, at its first boot (Amazon Linux 2023, or a system with apt).
# The stack puts `export NAME=value` lines before it:
#   AWS_REGION                required
#   RUN_FROM                  image | code
#   IMAGE_URI                 of an image: repository@sha256:…
#   CODE_URI, CODE_SHA256     of code: s3://….tar.gz as deploy/host/pack.sh makes it, and its digest if it is to be checked
#   ENV_PARAMETER             SSM parameter with the environment; /academy/workers/env
#   AUTO_SCALING_GROUP_NAME, LAUNCH_HOOK_NAME, TERMINATE_HOOK_NAME
#   QUEUE_NAME, DEAD_LETTER_QUEUE_NAME   of a machine that takes another queue than the environment names (docs/deploy.md)
#   LOG_GROUP                 of CloudWatch; without it logs stay in the journal
#   SCRATCH_DEVICE            the disk for scratch, where it is not to be found out
# A step that fails ends the boot: its name goes to the console, the journal and the cloud-init log, and the launching
# hook is completed with ABANDON, so that the group replaces an instance without a worker. docs/host.md
set -euo pipefail
shopt -s inherit_errexit

# Before every path: for tests, as the two after it.
ROOT=${ROOT:-}
PAUSE=${PAUSE:-5}
# Seven minutes, above the unit's TimeoutStartSec.
LOOKS=${LOOKS:-84}
imds=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
app=$ROOT/opt/video-worker
conf=$ROOT/etc/video-worker
scratch=$ROOT/var/lib/video-worker
log=$ROOT/var/log/video-worker-boot.log
label=video-worker
step=start
instance=

say() {
  printf 'video-worker boot: %s\n' "$*" | tee -a "$log" >&3
  { printf 'video-worker boot: %s\n' "$*" >>"$ROOT/dev/console"; } 2>/dev/null || true
  logger -t video-worker-boot -- "$*" 2>/dev/null || true
}

# Mirrors, registries and the metadata are away for a moment now and then, and may hang.
try() {
  local n
  for n in 1 2 3; do
    if timeout 300 "$@"; then return 0; fi
    printf 'try %s of 3 failed: %s\n' "$n" "${*:1:4}" >&2
    if ((n < 3)); then sleep $((n * PAUSE)); fi
  done
  return 1
}

need() {
  local name
  for name in "$@"; do
    if [[ -z ${!name:-} ]]; then
      printf '%s is not set\n' "$name" >&2
      return 1
    fi
  done
}

complete_hook() {
  if [[ -z ${LAUNCH_HOOK_NAME:-} ]]; then return 0; fi
  need AWS_REGION AUTO_SCALING_GROUP_NAME instance || return 1
  try aws autoscaling complete-lifecycle-action --region "$AWS_REGION" \
    --auto-scaling-group-name "$AUTO_SCALING_GROUP_NAME" --lifecycle-hook-name "$LAUNCH_HOOK_NAME" \
    --instance-id "$instance" --lifecycle-action-result "$1"
}

finish() {
  local status=$?
  trap - EXIT
  if ((status == 0)); then return; fi
  set +e
  say "FAILED at step '$step' with exit code $status:"
  tail -n 8 "$log" | grep -v '^video-worker boot:' | while IFS= read -r line; do say "  $line"; done
  if complete_hook ABANDON >>"$log" 2>&1; then say 'the group was told to replace this instance'
  else say 'the launching hook could not be told; its timeout decides'; fi
  exit "$status"
}

metadata() {
  local token
  token=$(try curl -sSf --max-time 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$imds/latest/api/token")
  try curl -sSf --max-time 5 -H "X-aws-ec2-metadata-token: $token" "$imds/latest/meta-data/$1"
}

# First: without it nobody can be told.
identity() {
  instance=$(metadata instance-id)
  need instance
}

settings() {
  need AWS_REGION RUN_FROM
  case $RUN_FROM in
    image)
      need IMAGE_URI
      if [[ $IMAGE_URI != *@sha256:* ]]; then
        printf 'IMAGE_URI must name a digest, not %s\n' "$IMAGE_URI" >&2
        return 1
      fi
      ;;
    code) need CODE_URI ;;
    *) printf 'RUN_FROM must be image or code, not %s\n' "$RUN_FROM" >&2; return 1 ;;
  esac
  if [[ -n ${LAUNCH_HOOK_NAME:-} ]]; then need AUTO_SCALING_GROUP_NAME; fi
}

programs() {
  local names=(tar gzip util-linux e2fsprogs)
  if [[ $RUN_FROM == code && -n ${LOG_GROUP:-} ]]; then names+=(amazon-cloudwatch-agent); fi
  if command -v dnf; then
    # aws and curl are there. Its packages hold no ffmpeg: image and tarball bring their own.
    if [[ $RUN_FROM == image ]]; then names+=(docker); fi
    try dnf install -y -q "${names[@]}"
  else
    if [[ $RUN_FROM == image ]]; then names+=(docker.io); else names+=(ffmpeg); fi
    try apt-get -q update
    DEBIAN_FRONTEND=noninteractive try apt-get -q install -y --no-install-recommends awscli ca-certificates "${names[@]}"
  fi
  if [[ $RUN_FROM == image ]]; then systemctl enable --now docker; fi
}

# Of a disk: blank, ours (a boot before this one made it), or used for something else.
holds() {
  local status=0
  blkid -p "$1" >/dev/null 2>&1 || status=$?
  if ((status == 2)); then printf 'blank\n'
  elif [[ $(blkid -p -s LABEL -o value "$1" 2>/dev/null) == "$label" ]]; then printf 'ours\n'
  else printf 'used\n'; fi
}

# The largest disk that nothing uses, an instance store before a volume; nothing where there is none.
scratch_disk() {
  local name type size model rank words
  while read -r name type size model; do
    # Memory (zram) is a disk too, for lsblk; and so is a card reader without a card, of no size.
    if [[ $type != disk || $name == */zram* ]] || ((size < 1000000000)); then continue; fi
    # Partitions are further lines, a mount point a further word.
    words=$(lsblk -nro NAME,MOUNTPOINT "$name" | wc -w)
    if ((words > 1)) || [[ $(holds "$name") == used ]]; then continue; fi
    rank=1
    if [[ $model == *'Instance Storage'* ]]; then rank=2; fi
    printf '%s %s %s\n' "$rank" "$size" "$name"
  done < <(lsblk -dnbpo NAME,TYPE,SIZE,MODEL) | sort -k1,1nr -k2,2nr | awk 'NR == 1 {print $3}'
}

scratch() {
  local disk
  mkdir -p "$scratch"
  if mountpoint -q "$scratch"; then return 0; fi
  disk=${SCRATCH_DEVICE:-$(scratch_disk)}
  if [[ -z $disk ]]; then
    say 'no disk of its own for scratch: it shares the root volume'
    return 0
  fi
  case $(holds "$disk") in
    blank) mkfs.ext4 -q -m 0 -L "$label" "$disk" ;;
    ours) ;;
    *) printf '%s holds something else: not formatted\n' "$disk" >&2; return 1 ;;
  esac
  # nofail: without the disk (an instance store after a stop) the instance starts, and the unit, which needs it, does not.
  if ! grep -q "^LABEL=$label " "$ROOT/etc/fstab"; then
    printf 'LABEL=%s /var/lib/video-worker ext4 noatime,nodev,nosuid,noexec,nofail 0 2\n' "$label" >>"$ROOT/etc/fstab"
  fi
  mount -o noatime,nodev,nosuid,noexec "$disk" "$scratch"
  say "scratch is on $disk"
}

code() {
  local archive=$ROOT/var/tmp/video-worker.tar.gz node_major
  mkdir -p "$app" "$ROOT/var/tmp"
  try aws s3 cp --region "$AWS_REGION" --only-show-errors "$CODE_URI" "$archive"
  if [[ -n ${CODE_SHA256:-} ]]; then printf '%s  %s\n' "$CODE_SHA256" "$archive" | sha256sum -c --quiet; fi
  tar -xzf "$archive" -C "$app" --no-same-owner
  rm -f "$archive"
  export PATH=$app/bin:$PATH
  node_major=$(node -p 'process.versions.node.split(".")[0]')
  if ((node_major < 24)); then
    printf 'Node %s is too old: 24 is needed\n' "$node_major" >&2
    return 1
  fi
  ffmpeg -hide_banner -version
  ffprobe -hide_banner -version
}

image() {
  local registry=${IMAGE_URI%%/*} container
  if [[ $registry == *.dkr.ecr.* ]]; then
    try aws ecr get-login-password --region "$AWS_REGION" |
      docker login --username AWS --password-stdin "$registry"
  fi
  try docker pull --quiet "$IMAGE_URI"
  # Its units and scripts are those of its own version.
  container=$(docker create "$IMAGE_URI")
  mkdir -p "$app/deploy"
  docker cp "$container:/app/deploy/host" "$app/deploy/"
  docker rm "$container"
}

video_worker() {
  if [[ $RUN_FROM == image ]]; then
    timeout 300 docker run --rm --user 0:0 --network host -e AWS_REGION -v "$conf:/etc/video-worker" "$IMAGE_URI" \
      node deploy/commands/main.ts "$@"
  else
    (cd "$app" && timeout 300 node deploy/commands/main.ts "$@")
  fi
}

environment() {
  local out=$conf/env format=dotenv queue=()
  if [[ -n ${QUEUE_NAME:-} ]]; then
    queue=(VIDEO_SQS_QUEUE_NAME "$QUEUE_NAME" VIDEO_SQS_DLQ_NAME "${DEAD_LETTER_QUEUE_NAME:-$QUEUE_NAME-dlq}")
  fi
  if [[ $RUN_FROM == image ]]; then out=/etc/video-worker/env format=docker; fi
  install -d -m 700 "$conf"
  (
    umask 077
    printf '%s=%s\n' AWS_REGION "$AWS_REGION" IMAGE_URI "${IMAGE_URI:-}" \
      AUTO_SCALING_GROUP_NAME "${AUTO_SCALING_GROUP_NAME:-}" LIFECYCLE_HOOK_NAME "${TERMINATE_HOOK_NAME:-}" \
      LOG_GROUP "${LOG_GROUP:-}" LOG_STREAM "$instance" "${queue[@]}" >"$conf/instance"
  )
  try_video_worker env pull --role worker --parameter "${ENV_PARAMETER:-/academy/workers/env}" --format "$format" --out "$out"
  if [[ ! -s $conf/env ]]; then
    printf 'the environment is empty\n' >&2
    return 1
  fi
  chmod 600 "$conf/env"
}

# As `try`, for a function: `timeout` starts programs only, and stands inside it.
try_video_worker() {
  local n
  for n in 1 2 3; do
    if video_worker "$@"; then return 0; fi
    printf 'try %s of 3 failed: video-worker %s\n' "$n" "${*:1:2}" >&2
    if ((n < 3)); then sleep $((n * PAUSE)); fi
  done
  return 1
}

logs() {
  if [[ $RUN_FROM == image || -z ${LOG_GROUP:-} ]]; then return 0; fi
  # The agent reads files, not the journal.
  local dropin=$ROOT/etc/systemd/system/video-worker@.service.d agent=$ROOT/opt/aws/amazon-cloudwatch-agent
  mkdir -p "$dropin" "$ROOT/etc/logrotate.d" "$ROOT/var/log/video-worker" "$agent/etc"
  printf '[Service]\nStandardOutput=append:/var/log/video-worker/%%i.log\nStandardError=inherit\n' >"$dropin/log.conf"
  printf '/var/log/video-worker/*.log {\n  size 100M\n  rotate 2\n  copytruncate\n  missingok\n}\n' \
    >"$ROOT/etc/logrotate.d/video-worker"
  printf '{"logs": {"logs_collected": {"files": {"collect_list": [%s, %s]}}}}\n' \
    "$(log_file '/var/log/video-worker/*.log')" "$(log_file /var/log/video-worker-boot.log)" >"$agent/etc/video-worker.json"
  "$agent/bin/amazon-cloudwatch-agent-ctl" -a fetch-config -m ec2 -s -c "file:$agent/etc/video-worker.json"
}

log_file() {
  printf '{"file_path": "%s", "log_group_name": "%s", "log_stream_name": "%s"}' "$1" "$LOG_GROUP" "$instance/${1##*/}"
}

service() {
  local unit=video-worker@1 look
  if [[ $RUN_FROM == image ]]; then unit=video-worker-container@1; fi
  install -D -m 644 -t "$ROOT/etc/systemd/system" "$app"/deploy/host/*.service "$app"/deploy/host/*.slice
  systemctl daemon-reload
  systemctl enable "$unit"
  # One that fails is started again by its unit; what that does not mend is seen below.
  systemctl restart "$unit" || true
  for ((look = 0; look < LOOKS; look++)); do
    case $(systemctl is-active "$unit" || true) in
      active) return 0 ;;
      failed) break ;;
    esac
    sleep "$PAUSE"
  done
  printf '%s did not become ready:\n' "$unit" >&2
  journalctl -q -u "$unit" -n 6 -o cat --no-pager >&2
  return 1
}

continue_launch() {
  complete_hook CONTINUE
}

exec 3>&1
mkdir -p "$ROOT/var/log"
touch "$log"
chmod 600 "$log"
export AWS_REGION=${AWS_REGION:-}
trap finish EXIT
for step in identity settings programs scratch "${RUN_FROM:-}" environment logs service continue_launch; do
  say "$step"
  "$step" >>"$log" 2>&1
done
say "ready: ${instance} works"
