/**
 * `npm run bench [NAME...] [-- --json FILE]`: measures what the README claims. Prints one JSON object, name to
 * `{value, unit, aim, met}`; the exit code is 0 whatever the figures are (a loaded machine is no failure).
 *   --json FILE  writes the object there too
 *   --docs       fleet writes docs/fleet-speed.md and its plot, encoder the table of docs/encoding.md
 *   --seed N     of the moments at which kill strikes
 *   --jobs N     of tiny, and --workers N
 *   --small      sources of seconds, to try the benchmarks themselves: their figures mean nothing
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureChunked } from './chunked.ts'
import { measureEncoder } from './encoder.ts'
import { measureFanOut } from './fan-out.ts'
import type { BenchInput, Figures } from './figures.ts'
import { measureFirstSegment } from './first-segment.ts'
import { measureFleet } from './fleet.ts'
import { measureJob } from './job.ts'
import { measureKill } from './kill.ts'
import { measurePassthrough } from './passthrough.ts'
import { measureSeams } from './seams.ts'
import { measureTiny } from './tiny.ts'

/** In this order: what one measures by the way, a later one need not measure again. */
const benches: Record<string, (input: BenchInput) => Promise<Figures>> = {
  job: measureJob,
  chunked: measureChunked,
  'first-segment': measureFirstSegment,
  'fan-out': measureFanOut,
  fleet: measureFleet,
  kill: measureKill,
  seams: measureSeams,
  passthrough: measurePassthrough,
  encoder: measureEncoder,
  tiny: measureTiny,
}

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort(new Error('stopped')))

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    docs: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string' },
    workers: { type: 'string' },
    small: { type: 'boolean', default: false },
  },
})
const unknown = positionals.filter((name) => !(name in benches))
if (unknown.length > 0) {
  process.stderr.write(`No benchmark ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}\n`)
  process.exit(64)
}
const names = Object.keys(benches).filter((name) => positionals.length === 0 || positionals.includes(name))

const { docs, small, jobs, workers } = values
const shared = {
  ...{ env: process.env, signal: stop.signal, seed: Number(values.seed), docs, small, measured: {} },
  ...(jobs === undefined ? {} : { jobs: Number(jobs) }),
  ...(workers === undefined ? {} : { workers: Number(workers) }),
}
const figures: Figures = {}
for (const name of names) {
  const folder = mkdtempSync(join(tmpdir(), 'video-worker-bench-'))
  const say = (line: string) => process.stderr.write(`${name}: ${line}\n`)
  try {
    Object.assign(figures, await benches[name]!({ ...shared, folder, say }))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
const json = JSON.stringify(figures, null, 2)
process.stdout.write(`${json}\n`)
if (values.json !== undefined) writeFileSync(values.json, `${json}\n`)
