/**
 * `npm run host-proof [-- --only NAME]`: the unit and the user data of deploy/host under a real systemd, with a real
 * worker and ffmpeg, against the local stack. Prints a line for each proof with what was measured; the exit code is 0
 * only when all hold. Takes some minutes. Needs root, systemd-nspawn, ffmpeg and redis-server; user data an aws, too.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeLongClip } from '../fleet/clips.ts'
import { type Fleet, openFleet } from '../fleet/harness.ts'
import { proofs } from './proofs.ts'
import { bootSystem, removeFolder } from './system.ts'
import { awsProblem, proveUserData } from './user-data.ts'

const exitUnavailable = 69
const print = (line: string) => void process.stdout.write(`${line}\n`)
const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort(new Error('stopped')))
const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } })

const wanted = (name: string) => !values.only || values.only.includes(name)

const lacking = ['systemd-nspawn', 'ffmpeg', 'redis-server', 'nsenter'].filter(
  (program) => spawnSync(program, ['--version']).error !== undefined,
)
if (process.getuid?.() !== 0) lacking.push('root')
if (lacking.length > 0) {
  process.stderr.write(`host-proof needs ${lacking.join(', ')}\n`)
  process.exit(exitUnavailable)
}
const exitStopped = 130
const { signal } = stop
let failed = 0
try {
  await main()
} catch (error) {
  failed += 1
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
}
process.exit(signal.aborted ? exitStopped : failed > 0 ? 1 : 0)

async function main(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'host-proof-'))
  try {
    const fleet = await openFleet()
    try {
      const clip = await makeLongClip(fleet.dir, 12, '160x90')
      if (Object.keys(proofs).some(wanted)) await proveUnit(fleet, clip, join(dir, 'unit'))
      if (wanted('user-data')) await proveBoot(fleet, clip, dir)
    } finally {
      await fleet.close()
    }
  } finally {
    await removeFolder(dir)
  }
}

async function proveUnit(fleet: Fleet, clip: string, dir: string): Promise<void> {
  const system = await bootSystem(dir, signal)
  try {
    for (const [name, proof] of Object.entries(proofs))
      if (wanted(name) || name === 'start')
        await line(name, async () => [`${name}: ${await proof({ fleet, system, clip, signal })}`])
  } finally {
    await system.close()
  }
}

async function proveBoot(fleet: Fleet, clip: string, dir: string): Promise<void> {
  const problem = awsProblem()
  if (problem) return print(`user-data: SKIPPED: ${problem}`)
  const system = await bootSystem(join(dir, 'bare'), signal, { bare: true })
  try {
    await line('user-data', () => proveUserData({ fleet, system, clip, signal }, dir))
  } finally {
    await system.close()
  }
}

/** Cut off, it waits for nothing more that a proof has under way: what that needs is taken away from it. */
async function line(name: string, prove: () => Promise<string[]>): Promise<void> {
  signal.throwIfAborted()
  const cut = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  )
  try {
    for (const text of await Promise.race([prove(), cut])) print(text)
  } catch (error) {
    signal.throwIfAborted()
    failed += 1
    print(`${name}: FAILED: ${(error as Error).message}`)
  }
}
