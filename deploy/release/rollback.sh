#!/usr/bin/env bash
# Puts an earlier image back into service, as a deployment of its own (deploy.sh).
#
#   rollback.sh                the one that ran before the current one, from the parameter's history
#   rollback.sh sha256:…       that digest, of the current image's repository
#   rollback.sh REPOSITORY@sha256:…
#   rollback.sh --list         what has run, newest first; changes nothing
#
# Environment: that of deploy.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

die() {
  printf 'rollback: %s\n' "$1" >&2
  exit "$2"
}

[ -n "${AWS_REGION:-}" ] || die 'AWS_REGION is not set' 64
parameter=${IMAGE_PARAMETER:-/academy/workers/image}
wanted=${1:-}
history=$(aws ssm get-parameter-history --name "$parameter" \
  --query 'Parameters[].[Version,LastModifiedDate,Value,LastModifiedUser]' --output text | sort -k1,1nr) ||
  die "the history of $parameter cannot be read" 69
[ -n "$history" ] || die "$parameter has no history" 69
if [ "$wanted" = --list ]; then
  printf '%s\n' "$history"
  exit
fi

current=$(head -n 1 <<<"$history" | cut -f 3)
case "$wanted" in
  '')
    # Deployments of the same image again are no step back.
    image=$(cut -f 3 <<<"$history" | awk -v current="$current" '$0 != current && /@sha256:/ { print; exit }')
    [ -n "$image" ] || die "$parameter has never held another image than $current" 65
    ;;
  sha256:*) image="${current%@*}@$wanted" ;;
  *@sha256:*) image=$wanted ;;
  *) die "[$wanted] is neither a digest nor an image by digest" 64 ;;
esac
printf 'rollback: from %s to %s\n' "$current" "$image" >&2
exec ./deploy.sh "$image"
