#!/usr/bin/env bash
# deploy/host/pack.sh OUT.tar.gz [--with PROGRAM]…
# Packs this checkout for instances that run code instead of an image (CODE_URI of user-data.sh): the product, its
# production packages, the Node that runs this, and each PROGRAM (ffmpeg, ffprobe: statically linked ones, since Amazon
# Linux has none). For instances of this machine's architecture. Prints the archive's SHA-256, for CODE_SHA256.
set -euo pipefail

if (($# < 1)); then
  sed -n '2s/^# //p' "$0" >&2
  exit 64
fi
if [[ $(node -p 'process.versions.node.split(".")[0]') -lt 24 ]]; then
  printf 'run this with Node 24, which goes into the archive\n' >&2
  exit 69
fi
out=$(realpath -m "$1")
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

cd "$here"
cp -r worker shared deploy docs package.json package-lock.json ecosystem.config.cjs "$stage"
rm -rf "$stage/deploy/stack/out"
mkdir "$stage/bin"
cp "$(node -p process.execPath)" "$stage/bin/node"
while (($# > 0)); do
  if [[ $1 != --with || $# -lt 2 ]]; then
    printf 'not known: %s\n' "$1" >&2
    exit 64
  fi
  install -m 755 -t "$stage/bin" "$2"
  shift 2
done
# npm says on standard output how many they are: what stands there is for CODE_SHA256.
npm ci --prefix "$stage" --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error --prefer-offline >&2
tar -czf "$out" --owner=0 --group=0 --sort=name -C "$stage" .
sha256sum "$out" | cut -d' ' -f1
