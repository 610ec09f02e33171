import { resolve } from 'node:path'
import { execa } from 'execa'
import { asWorkerError, WorkerError } from '../../shared/errors.ts'
import { deadline, every, monotonicMs, type Stoppable } from '../../shared/time.ts'
import { endedCpuSeconds } from './cpu-time.ts'
import { diagnose, outOfMemory, stripUrls } from './diagnose.ts'
import { giveFolders } from './give-folders.ts'
import { type ToolHost, wrapCommand } from './host.ts'
import { childMarks, killGroup, signalGroup } from './orphans.ts'
import { type ProgressUpdate, progressReader } from './progress.ts'

export type ToolPurpose = 'probe' | 'video' | 'audio' | 'text' | 'poster' | 'check'

export interface ToolLimits {
  /** Writable memory in MB, 0 = unlimited. */
  readonly memoryMb: number
  readonly nice: number
  readonly cpuSeconds?: number
  /** Largest file the tool may write, in bytes. */
  readonly fileBytes?: number
}

/** A running tool, for back-pressure: `pause` stops its whole process group where it stands. */
export interface ToolHandle {
  readonly pid: number
  pause(): void
  resume(): void
}

/** The one method of pino that is used here. */
export interface DebugLogger {
  debug(fields: Record<string, unknown>, message: string): void
}

export interface ToolRun {
  readonly host: ToolHost
  readonly what: ToolPurpose
  readonly bin: string
  readonly args: readonly string[]
  readonly signal: AbortSignal
  /** All of the job that it sees, with what is below it; ffprobe may not write there. */
  readonly cwd: string
  readonly limits: ToolLimits
  readonly logger?: DebugLogger | undefined
  readonly onStart?: ((handle: ToolHandle) => void) | undefined
  /** Given, stdout is read as `-progress` output and not kept. */
  readonly onProgress?: ((update: ProgressUpdate) => void) | undefined
  /** No growth of frames or output time for this long: killed, encode_stalled. Paused time does not count. */
  readonly stallMs?: number | undefined
  readonly timeoutMs?: number | undefined
}

export interface ToolResult {
  readonly stdout: string
  /** stdout as it came, for pictures. */
  readonly output: Buffer
  /** The end of stderr, without URLs. */
  readonly stderrTail: string
  /** Wall time. */
  readonly seconds: number
}

/** ffprobe of the largest scan we ask for (32 MiB of tiny packets) prints about 20 MB. */
const stdoutLimitBytes = 64 * 1024 * 1024
const stderrKeptCharacters = 32 * 1024
/** setTimeout's longest: stands for "no limit", so that there is one kind of deadline below. */
const noLimitMs = 2 ** 31 - 1

/**
 * Runs ffmpeg or ffprobe to its end: the only spawn of the product. The child leads its own process group; on
 * abort, stall or timeout the whole group gets SIGKILL and is reaped before this rejects, so a caller that
 * sees the rejection may remove the scratch folder.
 * Rejects with `signal.reason` on abort; encode_stalled, probe_timeout or stage_timeout on a limit;
 * spawn_failed; else what diagnose.ts makes of exit code and stderr.
 */
export async function runTool(run: ToolRun): Promise<ToolResult> {
  try {
    const result = await runOnce(run)
    run.host.onRun?.(run.what, 'ok')
    return result
  } catch (error) {
    run.host.onRun?.(run.what, asWorkerError(error).code)
    throw error
  }
}

async function runOnce(run: ToolRun): Promise<ToolResult> {
  run.signal.throwIfAborted()
  const started = monotonicMs()
  const cpuBefore = await endedCpuSeconds()
  using total = deadline(run.timeoutMs ?? noLimitMs, run.signal, () => timeoutError(run))
  using silence = deadline(run.stallMs ?? noLimitMs, total.signal, () => stallError(run))
  const folder = { path: resolve(run.cwd), writable: run.what !== 'probe' }
  const command = wrapCommand(run.host, run.limits, [run.bin, ...run.args], folder)
  const { user } = run.host.sandbox ?? {}
  if (user && folder.writable) await giveFolders(folder.path, user)
  run.logger?.debug({ what: run.what, command: shellLine([run.bin, ...run.args]) }, 'tool starts')

  const [file, ...args] = command
  const child = execa(file, args, {
    cwd: run.cwd,
    detached: true,
    cleanup: false,
    stdin: 'ignore',
    buffer: false,
    reject: false,
    extendEnv: false,
    // No proxies, no AWS_*, no R2_*: a child that decodes hostile bytes is told nothing.
    env: {
      PATH: run.host.path,
      LC_ALL: 'C',
      AV_LOG_FORCE_NOCOLOR: '1',
      // SVT-AV1 prints past ffmpeg: errors alone.
      SVT_LOG: '1',
      ...childMarks(run.host.workerId, process.pid),
    },
  })

  const output = collectOutput(run, child, silence.restart)
  const kill = () => child.pid !== undefined && killGroup(child.pid)
  silence.signal.addEventListener('abort', kill, { once: true })
  if (silence.signal.aborted) kill()
  if (child.pid !== undefined) run.onStart?.(handleOf(child.pid, run, silence.restart))

  const result = await child
  silence.signal.removeEventListener('abort', kill)
  // Grandchildren (there should be none) hold the pipes or the scratch folder: the group goes as a whole.
  kill()
  const { stdout, stderr, flooded, starved } = output()
  run.logger?.debug({ what: run.what, exitCode: result.exitCode, signal: result.signal }, 'tool ended')

  if (run.signal.aborted) throw run.signal.reason
  // With too little memory ffmpeg loses pictures, says so and still exits 0 (measured on 5.1).
  if (starved) throw new WorkerError('resource_limit', `the ${run.what} run needs more memory than allowed`)
  if (flooded) throw new WorkerError('resource_limit', `the ${run.what} run printed more than allowed`)
  if (silence.signal.aborted) throw silence.signal.reason
  if (result.exitCode === undefined && result.signal === undefined) {
    throw new WorkerError('spawn_failed', `${run.bin} could not be started`, { cause: result.cause })
  }
  if (result.exitCode !== 0 && (await endedCpuSeconds()) - cpuBefore >= cpuLimit(run)) {
    throw new WorkerError(
      'resource_limit',
      `the ${run.what} run used its ${run.limits.cpuSeconds} s of CPU time`,
    )
  }
  if (result.exitCode !== 0) {
    throw diagnose({ what: run.what, exitCode: result.exitCode, signal: result.signal, stderr })
  }
  return {
    stdout: stdout.toString('utf8'),
    output: stdout,
    stderrTail: stripUrls(stderr),
    seconds: (monotonicMs() - started) / 1000,
  }
}

interface Streams {
  readonly stdout: NodeJS.ReadableStream | null
  readonly stderr: NodeJS.ReadableStream | null
  readonly pid?: number | undefined
}

/** Keeps stdout whole and the end of stderr; feeds progress; `restart` is called whenever the output has grown. */
function collectOutput(run: ToolRun, child: Streams, restart: () => void) {
  const pieces: Buffer[] = []
  let bytes = 0
  let stderr = ''
  let flooded = false
  let starved = false
  let furthest = { frame: 0, seconds: 0 }
  const readProgress = progressReader((update) => {
    if (update.frame > furthest.frame || update.seconds > furthest.seconds) {
      furthest = {
        frame: Math.max(update.frame, furthest.frame),
        seconds: Math.max(update.seconds, furthest.seconds),
      }
      restart()
    }
    run.onProgress?.(update)
  })

  child.stdout?.on('data', (piece: Buffer) => {
    if (run.onProgress) return readProgress(piece.toString('latin1'))
    bytes += piece.length
    if (bytes <= stdoutLimitBytes) pieces.push(piece)
    else if (!flooded) {
      flooded = true
      if (child.pid !== undefined) killGroup(child.pid)
    }
  })
  child.stderr?.on('data', (piece: Buffer) => {
    stderr = (stderr + piece.toString('utf8')).slice(-stderrKeptCharacters)
    starved ||= outOfMemory.test(stderr)
  })
  return () => ({ stdout: Buffer.concat(pieces), stderr, flooded, starved })
}

/** While paused the stall clock is started over and over: the silence is our own doing. */
function handleOf(pid: number, run: ToolRun, restart: () => void): ToolHandle {
  let holding: Stoppable | undefined
  return {
    pid,
    pause() {
      if (holding) return
      holding = every(Math.min((run.stallMs ?? noLimitMs) / 4, 1000), restart, { signal: run.signal })
      signalGroup(pid, 'SIGSTOP')
    },
    resume() {
      if (!holding) return
      holding.stop()
      holding = undefined
      restart()
      signalGroup(pid, 'SIGCONT')
    },
  }
}

/**
 * The kernel kills with SIGKILL, as whoever wants memory does, whose victims have used far less: those failed and are
 * tried again. It counts by ticks, 20 % off what is measured here for a run of 1 s.
 */
function cpuLimit({ limits }: ToolRun): number {
  return 0.5 * (limits.cpuSeconds ?? Number.POSITIVE_INFINITY)
}

function timeoutError(run: ToolRun): WorkerError {
  const seconds = (run.timeoutMs ?? 0) / 1000
  return run.what === 'probe'
    ? new WorkerError('probe_timeout', `ffprobe did not answer within ${seconds} s`)
    : new WorkerError('stage_timeout', `the ${run.what} run did not end within ${seconds} s`)
}

function stallError(run: ToolRun): WorkerError {
  const seconds = (run.stallMs ?? 0) / 1000
  return new WorkerError('encode_stalled', `the ${run.what} run made no progress for ${seconds} s`)
}

/** A command line to paste into a shell. The source's URL in it is a loopback address that dies with the job. */
function shellLine(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ')
}
