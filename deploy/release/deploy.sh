#!/usr/bin/env bash
# Puts an image into service: writes it to the parameter that instances read at their start, replaces the instances by
# an instance refresh, and waits for its end. Exit code 0 only when every instance has been replaced.
#
#   deploy.sh REPOSITORY@sha256:…              the workers
#   deploy.sh --backlog REPOSITORY@sha256:…    the publisher's Lambda (BACKLOG_FUNCTION)
#
# Environment: AWS_REGION, AUTO_SCALING_GROUP_NAME; IMAGE_PARAMETER (/academy/workers/image), REFRESH_WAIT_SECONDS
# (7200), POLL_SECONDS (15). Exit codes: 64 wrong use, 65 no such image, 69 nothing was changed, 70 the refresh failed,
# 75 it goes on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { printf 'deploy: %s\n' "$1" >&2; }
die() {
  say "$1"
  exit "$2"
}

backlog=no
if [ "${1:-}" = --backlog ]; then
  backlog=yes
  shift
fi
image=${1:-}
# A tag may be moved between two instances' starts; a digest is these bytes for ever.
[[ $image =~ ^[^@[:space:]]+/[^@[:space:]]+@sha256:[0-9a-f]{64}$ ]] ||
  die "[$image] is no image by digest: REPOSITORY@sha256:… as build-and-push.sh prints it" 64
[ -n "${AWS_REGION:-}" ] || die 'AWS_REGION is not set' 64

repository=${image%@*}
aws ecr describe-images --repository-name "${repository#*/}" --image-ids "imageDigest=${image#*@}" \
  --query 'imageDetails[0].imageDigest' --output text >/dev/null ||
  die "ECR does not have $image (or may not be asked): nothing was changed" 65

if [ "$backlog" = yes ]; then
  [ -n "${BACKLOG_FUNCTION:-}" ] || die 'BACKLOG_FUNCTION is not set' 64
  before=$(aws lambda get-function --function-name "$BACKLOG_FUNCTION" --query Code.ResolvedImageUri --output text)
  say "$BACKLOG_FUNCTION ran $before"
  aws lambda update-function-code --function-name "$BACKLOG_FUNCTION" --image-uri "$image" \
    --query LastUpdateStatus --output text >&2
  aws lambda wait function-updated-v2 --function-name "$BACKLOG_FUNCTION" ||
    die "Lambda did not take it: deploy/release/deploy.sh --backlog $before puts the old one back" 70
  say "$BACKLOG_FUNCTION runs $image"
  exit
fi

group=${AUTO_SCALING_GROUP_NAME:-}
[ -n "$group" ] || die 'AUTO_SCALING_GROUP_NAME is not set' 64
parameter=${IMAGE_PARAMETER:-/academy/workers/image}

# Asked before the parameter is written: Auto Scaling allows one refresh at a time.
running=$(aws autoscaling describe-instance-refreshes --auto-scaling-group-name "$group" --max-records 10 \
  --query "InstanceRefreshes[?Status=='Pending'||Status=='InProgress'||Status=='Cancelling'||Status=='Baking'||Status=='RollbackInProgress'].InstanceRefreshId | [0]" \
  --output text) || die "the refreshes of $group cannot be learned: nothing was changed" 69
[ "$running" = None ] || die "refresh $running of $group is under way: wait for it, or cancel it. Nothing was changed" 69

before=$(aws ssm get-parameter --name "$parameter" --query Parameter.Value --output text) ||
  die "parameter $parameter cannot be read: nothing was changed" 69
if [ "$before" = "$image" ]; then
  say "$parameter has $image already: replacing the instances"
else
  version=$(aws ssm put-parameter --name "$parameter" --type String --overwrite --value "$image" \
    --query Version --output text) || die "parameter $parameter was not written: nothing was changed" 69
  say "$parameter is $image (version $version), was $before"
fi

back="deploy/release/rollback.sh $before"
# A busy instance is protected from scale-in. `Refresh` replaces it all the same: its worker drains and hands back, which
# costs a chunk at most, and `Wait` would wait for a five-hour video. One is started before one is ended.
preferences='{"MinHealthyPercentage":100,"MaxHealthyPercentage":120,"ScaleInProtectedInstances":"Refresh","StandbyInstances":"Ignore"}'
refresh=$(aws autoscaling start-instance-refresh --auto-scaling-group-name "$group" --preferences "$preferences" \
  --query InstanceRefreshId --output text) ||
  die "no refresh of $group began. New instances start $image already; to take that back: $back" 70
say "refresh $refresh of $group began"

deadline=$((SECONDS + ${REFRESH_WAIT_SECONDS:-7200}))
shown=
while :; do
  # An answer that does not come is asked for again: the refresh goes on without us.
  IFS=$'\t' read -r status percent reason < <(
    aws autoscaling describe-instance-refreshes --auto-scaling-group-name "$group" --instance-refresh-ids "$refresh" \
      --query 'InstanceRefreshes[0].[Status,PercentageComplete,StatusReason]' --output text || true
  ) || true
  [ "${percent:-None}" != None ] || percent=0
  [ "${reason:-None}" != None ] || reason=
  if [ "${status:-} $percent" != "$shown" ]; then
    shown="${status:-} $percent"
    say "refresh $refresh: ${status:-no answer}, $percent %${reason:+ ($reason)}"
  fi
  case "${status:-}" in
    Successful)
      say "every instance of $group runs $image"
      exit
      ;;
    Failed | Cancelled | RollbackSuccessful | RollbackFailed)
      say "refresh $refresh ended with $status at $percent %: ${reason:-no reason given}"
      say 'What to look at: the boot log of the newest instance (/var/log/cloud-init-output.log and the log group),'
      say "and: aws autoscaling describe-scaling-activities --auto-scaling-group-name $group --max-items 5"
      say "New instances still start $image. The image before it: $back"
      exit 70
      ;;
  esac
  if [ "$SECONDS" -ge "$deadline" ]; then
    die "refresh $refresh goes on after ${REFRESH_WAIT_SECONDS:-7200} s (${status:-unknown}, $percent %): look at it with aws autoscaling describe-instance-refreshes --auto-scaling-group-name $group; the image before it: $back" 75
  fi
  sleep "${POLL_SECONDS:-15}"
done
