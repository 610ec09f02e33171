/**
 * `npm run host-proof [-- --only NAME]`: the unit of deploy/host under a real systemd, with a real worker and ffmpeg,
 * against the local stack. Prints a line for each proof with what was measured; the exit code is 0 only when all hold.
 * Takes some minutes. Needs root, systemd-nspawn, ffmpeg and redis-server.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeLongClip } from '../fleet/clips.ts'
import { openFleet } from '../fleet/harness.ts'
import { type Bench, proofs } from './proofs.ts'
import { bootSystem, removeFolder } from './system.ts'

const exitUnavailable = 69
const print = (line: string) => void process.stdout.write(`${line}\n`)
const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort(new Error('stopped')))
const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } })

const lacking = ['systemd-nspawn', 'ffmpeg', 'redis-server', 'nsenter'].filter(
  (program) => spawnSync(program, ['--version']).error !== undefined,
)
if (process.getuid?.() !== 0) lacking.push('root')
if (lacking.length > 0) {
  process.stderr.write(`host-proof needs ${lacking.join(', ')}\n`)
  process.exit(exitUnavailable)
}
process.exit(await main())

async function main(): Promise<number> {
  const fleet = await openFleet()
  const dir = await mkdtemp(join(tmpdir(), 'host-proof-'))
  let failed = 0
  try {
    const clip = await makeLongClip(fleet.dir, 12, '160x90')
    const system = await bootSystem(dir, stop.signal)
    try {
      const bench: Bench = { fleet, system, clip, signal: stop.signal }
      for (const [name, proof] of Object.entries(proofs)) {
        if (values.only && !values.only.includes(name) && name !== 'start') continue
        const said = await proof(bench).catch((error: Error) => {
          failed += 1
          return `FAILED: ${error.message}`
        })
        print(`${name}: ${said}`)
        if (stop.signal.aborted) return 130
      }
    } finally {
      await system.close()
    }
  } finally {
    await fleet.close()
    await removeFolder(dir)
  }
  return failed > 0 ? 1 : 0
}
