import type { Config, Env } from './config.ts'
import { schema } from './config-schema.ts'
import { leavesOf } from './config-variable.ts'

/** Names that older deployments use for the same thing; the proper name wins when both are set. */
const aliases: Readonly<Record<string, string>> = {
  FFMPEG_PATH: 'FFMPEG_BIN',
  FFPROBE_PATH: 'FFPROBE_BIN',
  R2_VIDEO_BUCKET: 'R2_BUCKET',
}

/** Names that look right and are not read: contract.md section 6. */
const wrongNames: Readonly<Record<string, string>> = {
  VIDEO_BUCKET_NAME: 'R2_BUCKET',
  REDIS_URL: 'REDIS_HOST',
}
const cloudflareNames: Readonly<Record<string, string>> = {
  ACCESS_KEY_ID: 'ACCESS_KEY',
  SECRET_ACCESS_KEY: 'SECRET_KEY',
  ENDPOINT_URL: 'ENDPOINT',
  BUCKET_NAME: 'BUCKET',
}

/** The environment trimmed, without empty values, aliases under their proper names. */
export function canonical(env: Env): Record<string, string> {
  const read: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) if (value?.trim()) read[name] = value.trim()
  for (const [alias, proper] of Object.entries(aliases)) {
    if (read[alias] !== undefined) read[proper] ??= read[alias]
  }
  return read
}

/** What is set under a name that nobody reads while its proper name is not set: a problem each. */
export function misplaced(read: Env): { proper: string; text: string }[] {
  const known = knownNames()
  return Object.keys(read).flatMap((name) => {
    const rest = /^CLOUDFLARE_R2_(.+)$/.exec(name)?.[1]
    const proper = rest ? `R2_${cloudflareNames[rest] ?? rest}` : wrongNames[name]
    if (proper === undefined || !known.has(proper) || read[proper] !== undefined) return []
    return [{ proper, text: `${name} is set but not read: use ${proper}` }]
  })
}

/** Rules over more than one variable. Wrong types have been told already; comparing them finds nothing here. */
export function ruleProblems(config: Config, read: Env): string[] {
  const { lease, job, api, hls, queue } = config
  const rules: [boolean, string][] = [
    [
      // one beat may fail and the next still comes before the job is stopped
      2 * lease.beatSeconds + lease.minSlackSeconds > lease.visibilitySeconds,
      `LEASE_VISIBILITY_SECONDS (${lease.visibilitySeconds}) must be at least twice LEASE_BEAT_SECONDS (${lease.beatSeconds}) plus LEASE_MIN_SLACK_SECONDS (${lease.minSlackSeconds})`,
    ],
    [
      job.backoffBaseSeconds > job.backoffCapSeconds,
      `JOB_BACKOFF_BASE_SECONDS (${job.backoffBaseSeconds}) must not be more than JOB_BACKOFF_CAP_SECONDS (${job.backoffCapSeconds})`,
    ],
    [
      api.backoffBaseSeconds > api.backoffCapSeconds,
      `VIDEO_WORKER_BACKOFF_BASE (${api.backoffBaseSeconds}) must not be more than VIDEO_WORKER_BACKOFF_CAP (${api.backoffCapSeconds})`,
    ],
    [
      hls.chunkSeconds < hls.segmentSeconds,
      `CHUNK_SECONDS (${hls.chunkSeconds}) must not be less than HLS_TIME_SECONDS (${hls.segmentSeconds})`,
    ],
    [
      queue.name !== null && queue.name === queue.deadLetterName,
      'VIDEO_SQS_DLQ_NAME must not be the same queue as VIDEO_SQS_QUEUE_NAME',
    ],
    // The rest of AWS uses the instance role; R2's keys there once broke the queue (lesson 32).
    [
      same(read, 'AWS_ACCESS_KEY_ID', 'R2_ACCESS_KEY') &&
        same(read, 'AWS_SECRET_ACCESS_KEY', 'R2_SECRET_KEY'),
      'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY hold the keys of R2, which SQS refuses: remove them (SQS uses the instance role)',
    ],
    [
      same(read, 'AWS_ENDPOINT_URL', 'R2_ENDPOINT') || same(read, 'AWS_ENDPOINT_URL_SQS', 'R2_ENDPOINT'),
      'AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_SQS holds the address of R2, where there is no queue: remove it',
    ],
  ]
  return rules.filter(([broken]) => broken).map(([, text]) => text)
}

/** What is probably a mistake but may be meant; for one log line each at boot. */
export function configWarnings(env: Env): string[] {
  const set = Object.keys(env).filter((name) => env[name]?.trim())
  const known = knownNames()
  const typos = set.flatMap((name) => {
    if (known.has(name) || name in aliases || name.length < 8) return []
    const near = [...known].find((each) => each.length >= 8 && distance(name, each) <= 2)
    return near ? [`${name} is not known: did you mean ${near}?`] : []
  })
  const doubled = Object.entries(aliases).flatMap(([alias, proper]) =>
    env[alias] && env[proper] && env[alias] !== env[proper]
      ? [`${alias} and ${proper} are both set and differ: ${proper} is used`]
      : [],
  )
  const half = Boolean(env.CATALOG_API_BASE?.trim()) !== Boolean(env.INTERNAL_TOKEN?.trim())
  const catalog = half
    ? ['Only one of CATALOG_API_BASE and INTERNAL_TOKEN is set: calls to the catalogue are skipped']
    : []
  return [...typos, ...doubled, ...catalog]
}

function knownNames(): Set<string> {
  return new Set(leavesOf(schema).map(({ variable }) => variable.env))
}

function same(read: Env, one: string, other: string): boolean {
  const strip = (value: string | undefined) => value?.trim().replace(/\/+$/, '')
  return read[one] !== undefined && strip(read[one]) === strip(read[other])
}

/** Levenshtein's edit distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
