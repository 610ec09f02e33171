#!/usr/bin/env bash
# Builds a target of the Dockerfile and pushes it to ECR. Prints one line on standard output: the image by its digest,
# which is what deploy.sh takes. Everything else goes to standard error.
#
#   build-and-push.sh [worker|backlog]             build for PLATFORMS and push
#   build-and-push.sh --no-push [worker|backlog]   build for this machine and keep it here, to be looked at or scanned
#
# Environment: REPOSITORY (ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME; needed to push), AWS_REGION (needed to push),
# PLATFORMS (linux/amd64,linux/arm64; one for backlog: a Lambda takes no image of several), REVISION (git's HEAD),
# VERSION (package.json's). Tags are TARGET-REVISION: for people, and never deployed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

die() {
  printf 'build-and-push: %s\n' "$1" >&2
  exit "${2:-64}"
}

push=yes
if [ "${1:-}" = --no-push ]; then
  push=no
  shift
fi
target=${1:-worker}
case "$target" in worker | backlog) ;; *) die "there is no target $target: worker or backlog" ;; esac

revision=${REVISION:-$(git rev-parse HEAD)}
version=${VERSION:-$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)}
# Provenance and SBOM attestations make an index of every image, which Lambda refuses; the SBOM is inside (/app/sbom).
build=(docker buildx build --target "$target" --provenance=false --sbom=false
  --build-arg "VERSION=$version" --build-arg "REVISION=$revision")

if [ "$push" = no ]; then
  "${build[@]}" --load --tag "video-worker:$target" . >&2
  printf 'video-worker:%s\n' "$target"
  exit
fi

[ -n "${REPOSITORY:-}" ] || die 'REPOSITORY is not set: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME'
[ -n "${AWS_REGION:-}" ] || die 'AWS_REGION is not set'
# What is not committed is in no revision, and nobody could say later what runs.
changes=$(git status --porcelain)
if [ -z "${REVISION:-}" ] && [ -n "$changes" ]; then
  die 'there are changes that are not committed: commit them, or name REVISION yourself'
fi
default_platforms=linux/amd64,linux/arm64
[ "$target" = backlog ] && default_platforms=linux/amd64
platforms=${PLATFORMS:-$default_platforms}
case "$target,$platforms" in backlog,*,*) die 'a Lambda takes an image of one platform: PLATFORMS=linux/arm64' ;; esac

metadata=$(mktemp)
trap 'rm -f "$metadata"' EXIT
# Through standard input: a password on the command line is seen by everybody on the machine.
aws ecr get-login-password --region "$AWS_REGION" |
  docker login --username AWS --password-stdin "${REPOSITORY%%/*}" >&2
"${build[@]}" --platform "$platforms" --push --tag "$REPOSITORY:$target-$revision" \
  --metadata-file "$metadata" . >&2
digest=$(sed -n 's/.*"containerimage\.digest": *"\(sha256:[0-9a-f]\{64\}\)".*/\1/p' "$metadata" | head -n 1)
[ -n "$digest" ] || die 'the builder told no digest of what it pushed' 70
printf '%s@%s\n' "$REPOSITORY" "$digest"
