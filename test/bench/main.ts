/**
 * `npm run bench [NAME...] [-- --json FILE --docs]`: measures what the README claims. Prints one JSON object, name to
 * `{value, unit, aim, met}`; the exit code is 0 whatever the figures are (a loaded machine is no failure).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureEncoder } from './encoder.ts'
import { type Figures, measureJob } from './job.ts'

interface Surroundings {
  env: NodeJS.ProcessEnv
  /** For everything the benchmark makes. */
  folder: string
  say: (line: string) => void
  signal: AbortSignal
  /** Whether tables go into the pages of docs/, too. */
  docs: boolean
}

const benches: Record<string, (around: Surroundings) => Promise<Figures>> = {
  job: measureJob,
  encoder: measureEncoder,
}

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort(new Error('stopped')))

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string' }, docs: { type: 'boolean', default: false } },
})
const names = positionals.length > 0 ? positionals : Object.keys(benches)
const unknown = names.filter((name) => !(name in benches))
if (unknown.length > 0) {
  process.stderr.write(`No benchmark ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}\n`)
  process.exit(64)
}

const figures: Figures = {}
for (const name of names) {
  const folder = mkdtempSync(join(tmpdir(), 'video-worker-bench-'))
  const say = (line: string) => process.stderr.write(`${name}: ${line}\n`)
  try {
    const around = { env: process.env, folder, say, signal: stop.signal, docs: values.docs }
    Object.assign(figures, await benches[name]!(around))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
const json = JSON.stringify(figures, null, 2)
process.stdout.write(`${json}\n`)
if (values.json !== undefined) writeFileSync(values.json, `${json}\n`)
