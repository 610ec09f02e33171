#!/bin/sh
# What a container of the worker's image runs, behind tini: the worker, the publisher, or an operator's command. A
# command may also be written out (`node deploy/commands/main.ts status`), as scripts do that know no image.
#   docker run IMAGE                        the worker
#   docker run IMAGE backlog --dry-run      the publisher of the backlog, as a process
#   docker run IMAGE status                 what `npx video-worker status` is elsewhere
set -eu
cd "$(dirname "$0")/../.."
program=${1:-worker}
case "$program" in
  worker)
    # Dead buffers are collected early: see ecosystem.config.cjs.
    exec node --max-semi-space-size=1 worker/main.ts
    ;;
  backlog)
    shift
    exec node deploy/backlog/main.ts "$@"
    ;;
  node)
    exec "$@"
    ;;
  *)
    exec node deploy/commands/main.ts "$@"
    ;;
esac
