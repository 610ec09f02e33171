# syntax=docker/dockerfile:1
#
# Two images: `worker` (the default) and `backlog`, the publisher as a Lambda. docs/image.md has the commands.
#
# Bases are pinned by digest, so that two builds of one commit start from the same bytes; a new base is a commit.
# Debian's own ffmpeg, by its exact version: it has every encoder that we use (x264, x265, SVT-AV1, WebP) and zimg on
# both architectures, gets Debian's security fixes, and 7.1 encodes the ladder faster than 5.1 (docs/encoding.md).
# A static build would be newer, and mended only by us. Debian's archive holds the newest version alone: once a fix is
# out this build fails at that line, which is when the new version has to be looked at, and not before it runs.
ARG NODE_IMAGE=docker.io/library/node:24.21.0-trixie-slim@sha256:173f125896c3b47ddf056734c7ea789d04595a6a08769a8f78e0df642781fb66
ARG DEBIAN_IMAGE=docker.io/library/debian:trixie-20261005-slim@sha256:a29215f6a35e51e22adffa17f89e9d2ef06214e64a2bad10d765c46aea49f11f

FROM ${NODE_IMAGE} AS node

# Production dependencies alone, from the lock, and what they are (CycloneDX).
FROM node AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
 && mkdir sbom \
 && npm sbom --package-lock-only --omit=dev --omit=optional --sbom-format=cyclonedx > sbom/npm.cdx.json

# Node alone out of its image: npm, yarn and headers are of no use at run time, and each would be scanned and patched.
# What a stage adds stands in the order in which it changes: Debian's packages, Node, those of npm, our code.
FROM ${DEBIAN_IMAGE} AS base
RUN groupadd --gid 1000 node \
 && useradd --uid 1000 --gid node --no-create-home --home-dir /scratch --shell /usr/sbin/nologin node
WORKDIR /app
ENV NODE_ENV=production

FROM base AS backlog
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=packages /app /app
COPY shared shared
COPY deploy deploy
RUN dpkg-query --show --showformat '${Package}\t${Version}\t${Architecture}\n' > sbom/debian.tsv \
 && node deploy/backlog/main-runtime.ts --listen nowhere || test $? -eq 78
# Lambda runs it under a user of its own and mounts everything but /tmp read-only.
USER node
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/node", "/app/deploy/backlog/main-runtime.ts"]
# Only where there is no Lambda: docker run -p 127.0.0.1:9000:8080.
CMD ["--listen", "0.0.0.0:8080"]
HEALTHCHECK NONE
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="video-worker-backlog" \
      org.opencontainers.image.description="Publishes the backlog of the video workers to CloudWatch, as a Lambda" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM base AS worker
ARG FFMPEG_VERSION=7:7.1.5-0+deb13u1
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "ffmpeg=${FFMPEG_VERSION}" tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
 && mkdir /scratch && chown node:node /scratch
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=packages /app /app
COPY shared shared
COPY worker worker
COPY deploy deploy
# /cache holds compiled code: written here once, only read afterwards. With it a start needs no type stripper.
ENV NODE_COMPILE_CACHE=/cache \
    MALLOC_ARENA_MAX=1 \
    VIDEO_WORKER_TEMP_DIR=/scratch
# Node keeps it by user: for root too, as whom an instance runs it (docs/security.md); afterwards nobody else may write
# it, since a worker runs what is there. Exit 78: everything was loaded, and no configuration is there yet.
RUN dpkg-query --show --showformat '${Package}\t${Version}\t${Architecture}\n' > sbom/debian.tsv \
 && mkdir /cache && chown node /cache \
 && node deploy/image/main-tools.ts \
 && for user in root node; do \
      setpriv --reuid="$user" --regid="$user" --clear-groups node worker/main.ts || test $? -eq 78 || exit 1; \
    done \
 && chown -R root:root /cache && chmod -R a+rX,go-w /cache
USER node
VOLUME /scratch
EXPOSE 9090
# The worker's words on stopping need longer than docker's 10 s: docker stop -t 120 (docs/operations.md).
STOPSIGNAL SIGTERM
# A boot waits BOOT_WAIT_SECONDS (60) for queue and bucket; a hung poll is known after 90 s and shown after three tries.
HEALTHCHECK --interval=15s --timeout=5s --start-period=90s --retries=3 \
  CMD ["/usr/local/bin/node", "/app/deploy/image/main-health.ts"]
ENTRYPOINT ["/usr/bin/tini", "--", "/app/deploy/image/entrypoint.sh"]
CMD ["worker"]
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="video-worker" \
      org.opencontainers.image.description="Takes videos from SQS, makes adaptive HLS with ffmpeg, stores it in R2" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
