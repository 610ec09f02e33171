/**
 * `npm run image-proof -- [--only TARGET] [--work DIR] [--registry] [--json FILE]`: builds both images with buildah and runs them with
 * podman: a job through the worker's container, its health, its limits, a stop in mid-encode; the publisher by curl. It
 * needs root and Linux. The exit code is 0 only when everything was seen.
 *   --only worker, --only backlog: that one alone
 *   --work DIR   where everything is kept, so that the next run is faster; a temp folder that is removed otherwise
 *   --registry   with the bases that the Dockerfile names; otherwise with stand-ins by debootstrap
 *   --json FILE  writes the lines there
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { startStack } from '../local/stack.ts'
import { root } from '../unit/house/sources.ts'
import { makeBases, standIns } from './base.ts'
import { type Engine, openEngine } from './engine.ts'
import { type Proof, startProof, table } from './proof.ts'
import { proveBacklog } from './prove-backlog.ts'
import { proveMemoryLimit, proveSandbox, proveStop, proveWorker } from './prove-worker.ts'

const exitUnavailable = 69
const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort(new Error('stopped')))
const print = (line: string) => void process.stdout.write(`${line}\n`)
const { signal } = stop
const images = { worker: 'localhost/video-worker', backlog: 'localhost/video-worker-backlog' }

const { values } = parseArgs({
  options: {
    work: { type: 'string' },
    registry: { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'string' },
  },
})
// npm runs its scripts in the project's folder and tells where it was called.
const cwd = (process.env.npm_lifecycle_event === 'image-proof' && process.env.INIT_CWD) || process.cwd()
const needed = ['buildah', 'podman', 'runc', 'curl', ...(values.registry ? [] : ['debootstrap'])]
const folders = (process.env.PATH ?? '').split(delimiter)
const missing = needed.filter((name) => !folders.some((folder) => existsSync(join(folder, name))))
if (missing.length > 0 || process.getuid?.() !== 0) {
  const install = `apt-get install --no-install-recommends ${needed.join(' ')}`
  process.stderr.write(
    `This needs root, and on PATH ${missing.join(', ') || 'all that it has'}: ${install}\n`,
  )
  process.exit(exitUnavailable)
}
const work = values.work ? resolve(cwd, values.work) : mkdtempSync(join(tmpdir(), 'video-worker-image-'))
try {
  const proof = startProof(print)
  await main(proof)
  print(`\n${table(proof.rows)}`)
  if (values.json) writeFileSync(resolve(cwd, values.json), `${JSON.stringify(proof.rows, null, 2)}\n`)
  process.exitCode = proof.rows.every((row) => row.good) ? 0 : 1
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
} finally {
  if (!values.work) rmSync(work, { recursive: true, force: true })
}
process.exit()

async function main(proof: Proof): Promise<void> {
  const engine = await openEngine(work, signal)
  try {
    await prove(engine, proof)
  } finally {
    await engine.close()
  }
}

async function prove(engine: Engine, proof: Proof): Promise<void> {
  if (!values.registry) {
    print('  the bases …')
    await makeBases(engine, work, signal)
  }
  const wanted = (target: 'worker' | 'backlog') => (values.only ?? target) === target
  for (const target of ['worker', 'backlog'] as const) if (wanted(target)) await build(engine, proof, target)
  const stack = await startStack({ dir: mkdtempSync(join(work, 'stack-')), events: false })
  const around = { engine, stack, proof, work, signal, logFile: join(work, 'proof.log') }
  try {
    if (wanted('backlog')) await proveBacklog(images.backlog, around)
    if (!wanted('worker')) return
    await proveMemoryLimit(images.worker, around)
    await proveStop(images.worker, around)
    await stack.sqs.drain('academy-video-jobs')
    await proveSandbox(images.worker, around)
    await proveWorker(images.worker, around)
  } finally {
    await stack.close()
  }
}

async function build(engine: Engine, proof: Proof, target: 'worker' | 'backlog'): Promise<void> {
  print(`  building ${target} …`)
  const bases = values.registry
    ? []
    : [
        '--pull-never',
        '--build-arg',
        `DEBIAN_IMAGE=${standIns.debian}`,
        '--build-arg',
        `NODE_IMAGE=${standIns.node}`,
      ]
  const began = performance.now()
  const how = ['bud', '--layers', '--format', 'docker', '--isolation', 'chroot', '--target', target]
  const labels = ['--build-arg', 'VERSION=proof', '--build-arg', 'REVISION=proof']
  await engine.buildah([...how, ...bases, ...labels, '-t', images[target], root])
  const seconds = Math.round((performance.now() - began) / 1000)
  const [image] = JSON.parse(await engine.podman(['image', 'inspect', images[target]]))
  const megabytes = Math.round(image.Size / 1e6)
  const version = image.Config?.Labels?.['org.opencontainers.image.version']
  proof.note(`image \`${target}\``, version === 'proof', `${megabytes} MB, built in ${seconds} s`)
}
