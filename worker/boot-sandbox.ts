import { existsSync } from 'node:fs'
import { copyFile, mkdir, realpath, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo, Server } from 'node:net'
import { availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Config } from '../shared/config.ts'
import { asWorkerError, WorkerError } from '../shared/errors.ts'
import { insistently } from './boot-insist.ts'
import { type EnclosedListener, openEnclosedListener } from './media/enclosed-listener.ts'
import type { ToolHost } from './media/host.ts'
import { runTool } from './media/run.ts'
import { type FileView, mountTable, type Sandbox, type SandboxPart, sandboxParts } from './media/sandbox.ts'

/** How tightly ffmpeg is held on this machine: for /status and the log. */
export interface SandboxReport {
  readonly level: 'full' | 'partial' | 'limits' | 'none'
  readonly parts: readonly SandboxPart[]
  /** Why the others are not in force. */
  readonly missing: Readonly<Partial<Record<SandboxPart, string>>>
}

export interface OpenedSandbox {
  readonly host: ToolHost
  readonly report: SandboxReport
  /** Where the source must be served, when ffmpeg has a network of its own. */
  readonly listener: Server | undefined
  close(): Promise<void>
}

/** Owns nothing on a system, and is nobody's: above the ranges of packages and of systemd, below `nobody`. */
const sandboxUser = 65_533
const trialMs = 20_000
/** ffmpeg has some threads a processor and rendition, SVT-AV1 112 a rendition on two processors; a fork bomb has more. */
const processesPerCpu = 256
const leastProcesses = 1024

/**
 * Tries what this system allows, with the real ffmpeg and in the real scratch folder, and keeps all that works.
 * folder: of this process, on the scratch disk. Throws config_invalid when SANDBOX=required and a part is missing, and
 * when ffmpeg can do nothing within its limits even without.
 */
export async function openSandbox(
  bare: ToolHost,
  config: Pick<Config, 'ffmpeg' | 'concurrency'>,
  folder: string,
  signal: AbortSignal,
): Promise<OpenedSandbox> {
  const missing: Partial<Record<SandboxPart, string>> = {}
  if (!bare.prlimit) missing.limits = 'prlimit is not installed'
  const own = sandboxParts.filter((part) => part !== 'limits')
  let enclosed: EnclosedListener | undefined
  let sandbox: Sandbox = {}
  if (config.ffmpeg.sandbox === 'off') for (const part of own) missing[part] = 'SANDBOX=off'
  else {
    const parts = await prepare(bare, config, resolve(folder), signal, missing)
    enclosed = parts.enclosed
    const wanted = own.filter((part) => part in parts.all)
    sandbox = await strongest(parts.all, wanted, missing, (some) =>
      attempt(bare, config, some, { folder: resolve(folder), enclosed, signal }),
    )
    if (enclosed && !sandbox.network) {
      await enclosed.close()
      enclosed = undefined
    }
  }
  if (own.every((part) => missing[part] !== undefined))
    await checkLimits(bare, config, resolve(folder), signal)
  const parts = sandboxParts.filter((part) => missing[part] === undefined)
  const report = { level: levelOf(parts), parts, missing }
  if (config.ffmpeg.sandbox === 'required' && report.level !== 'full') {
    const reasons = Object.entries(missing).map(([part, why]) => `${part} (${why})`)
    await enclosed?.close()
    throw new WorkerError('config_invalid', `SANDBOX=required, but this system lacks ${reasons.join(', ')}`)
  }
  return {
    ...{ report, listener: enclosed?.server, close: async () => enclosed?.close() },
    host: parts.length > 0 ? { ...bare, sandbox } : bare,
  }
}

/** What each part needs; a part that cannot even be prepared goes to `missing`. */
async function prepare(
  bare: ToolHost,
  config: Pick<Config, 'ffmpeg' | 'concurrency'>,
  folder: string,
  signal: AbortSignal,
  missing: Partial<Record<SandboxPart, string>>,
): Promise<{ all: Sandbox; enclosed: EnclosedListener | undefined }> {
  const cpus = availableParallelism()
  const maxProcesses = Math.max(leastProcesses, processesPerCpu * cpus) * config.concurrency
  let enclosed: EnclosedListener | undefined
  let files: FileView | undefined
  try {
    enclosed = await openEnclosedListener(bare.path, signal)
  } catch (error) {
    signal.throwIfAborted()
    missing.network = asWorkerError(error).message
  }
  try {
    files = await layRoot(join(folder, 'sandbox'), bare.path, [config.ffmpeg.bin, config.ffmpeg.probeBin])
  } catch (error) {
    missing.files = asWorkerError(error).message
  }
  const all: Sandbox = {
    ...(enclosed ? { network: enclosed.namespace } : {}),
    ...(files ? { files } : {}),
    ...{ processes: true, user: sandboxUser, privileges: true, maxProcesses },
  }
  return { all, enclosed }
}

/** The parts together, or those of them that work alone. */
async function strongest(
  all: Sandbox,
  wanted: readonly SandboxPart[],
  missing: Partial<Record<SandboxPart, string>>,
  attempt: (sandbox: Sandbox) => Promise<string | undefined>,
): Promise<Sandbox> {
  const { maxProcesses = 0 } = all
  const only = (parts: readonly string[]): Sandbox => ({
    ...Object.fromEntries(Object.entries(all).filter(([part]) => parts.includes(part))),
    maxProcesses,
  })
  if ((await attempt(all)) === undefined) return all
  const working: SandboxPart[] = []
  // One by one on top of those that work: the reason then belongs to that part.
  for (const part of wanted.toReversed()) {
    const failed = await attempt(only([...working, part]))
    if (failed === undefined) working.push(part)
    else missing[part] = failed
  }
  return only(working)
}

interface Surroundings {
  readonly folder: string
  readonly enclosed: EnclosedListener | undefined
  readonly signal: AbortSignal
}

/** One short encode in the sandbox, and one look at the port when it has a network of its own; says what went wrong. */
async function attempt(
  bare: ToolHost,
  config: Pick<Config, 'ffmpeg'>,
  sandbox: Sandbox,
  around: Surroundings,
): Promise<string | undefined> {
  try {
    await tryOut(bare, config, sandbox, around)
    return undefined
  } catch (error) {
    around.signal.throwIfAborted()
    return inWords(error)
  }
}

/** Throws config_invalid: with such limits every job would fail, and be blamed on its file. */
async function checkLimits(
  bare: ToolHost,
  config: Pick<Config, 'ffmpeg'>,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  await tryOut(bare, config, {}, { folder, enclosed: undefined, signal }).catch((error: unknown) => {
    signal.throwIfAborted()
    // A machine that is busy for so long says nothing about the limits.
    if (asWorkerError(error).code === 'stage_timeout') return
    throw new WorkerError(
      'config_invalid',
      `ffmpeg cannot make a tenth of a second of 64x64 within FFMPEG_MEMORY_LIMIT_MB=${config.ffmpeg.memoryLimitMb}: ${inWords(error)}`,
      { cause: error },
    )
  })
}

async function tryOut(
  bare: ToolHost,
  { ffmpeg }: Pick<Config, 'ffmpeg'>,
  sandbox: Sandbox,
  { folder, enclosed, signal }: Surroundings,
): Promise<void> {
  const cwd = join(folder, 'trial')
  await mkdir(cwd, { recursive: true })
  const limits = { memoryMb: ffmpeg.memoryLimitMb, nice: 0, cpuSeconds: 60, fileBytes: 2 ** 20 }
  const run = { host: { ...bare, sandbox, onRun: () => {} }, signal, cwd, limits, timeoutMs: trialMs }
  try {
    const clip = '-hide_banner -nostdin -v error -f lavfi -i color=s=64x64:d=0.1 -c:v libx264 -y'.split(' ')
    const trial = { ...run, what: 'video' as const, bin: ffmpeg.bin, args: [...clip, join(cwd, 'trial.mp4')] }
    await insistently(() => runTool(trial), signal)
    if (sandbox.network && enclosed)
      await lookAtPort({ ...run, what: 'probe', bin: ffmpeg.probeBin }, enclosed.server)
  } finally {
    await rm(cwd, { recursive: true, force: true })
  }
}

function inWords(error: unknown): string {
  const { message, details } = asWorkerError(error)
  const said = String(details?.stderr ?? '').split('\n')[0]
  return said ? `${message}: ${said}` : message
}

/** ffprobe fails, since nothing is served there; but somebody connected. */
async function lookAtPort(run: Omit<Parameters<typeof runTool>[0], 'args'>, server: Server): Promise<void> {
  const { port } = server.address() as AddressInfo
  let connected = false
  const answer = (socket: import('node:net').Socket) => {
    connected = true
    socket.resume()
    socket.on('error', () => {})
    socket.end('HTTP/1.0 404 Not Found\r\ncontent-length: 0\r\n\r\n')
  }
  server.on('connection', answer)
  await runTool({ ...run, args: ['-v', 'error', `http://127.0.0.1:${port}/`] }).catch(() => {})
  server.off('connection', answer)
  if (!connected) throw new WorkerError('spawn_failed', 'ffprobe did not reach the worker’s port')
}

/** Writes what a new root is mounted from. Programs that lie outside the system's folders bring theirs along. */
async function layRoot(dir: string, path: string, bins: readonly string[]): Promise<FileView> {
  const root = join(dir, 'root')
  for (const each of [root, join(dir, 'etc/alternatives'), join(dir, 'dev')])
    await mkdir(each, { recursive: true })
  for (const name of ['null', 'urandom']) await writeFile(join(dir, 'dev', name), '')
  // Without the cache libraries in unusual folders are not found.
  await copyFile('/etc/ld.so.cache', join(dir, 'etc/ld.so.cache')).catch(() => undefined)
  const extra = new Set<string>()
  for (const bin of bins) {
    const found = bin.includes('/')
      ? resolve(bin)
      : path
          .split(':')
          .map((folder) => join(folder, bin))
          .find((each) => existsSync(each))
    if (found === undefined) continue
    for (const file of [found, await realpath(found)]) {
      const folder = dirname(file)
      if (!/^\/(usr|s?bin)(\/|$)/.test(folder)) extra.add(folder)
    }
  }
  const table = join(dir, 'fstab')
  await writeFile(table, mountTable(root, dir, [...extra], existsSync))
  return { root, table }
}

function levelOf(parts: readonly SandboxPart[]): SandboxReport['level'] {
  if (parts.length === sandboxParts.length) return 'full'
  if (parts.length === 0) return 'none'
  return parts.length === 1 && parts[0] === 'limits' ? 'limits' : 'partial'
}
