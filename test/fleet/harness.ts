import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sleep } from '../../shared/time.ts'
import { type Stack, type StackOptions, startStack } from '../local/stack.ts'
import { logTail, startWorker, type Worker } from '../local/workers.ts'

/**
 * What the tests of a fleet change: they cannot wait for production's intervals. A lease outlives 20 s without a beat,
 * so that a busy machine does not lose one.
 */
export const quick = {
  SQS_WAIT_SECONDS: '1',
  LEASE_VISIBILITY_SECONDS: '24',
  LEASE_BEAT_SECONDS: '2',
  LEASE_MIN_SLACK_SECONDS: '4',
  JOB_BACKOFF_BASE_SECONDS: '1',
  JOB_BACKOFF_CAP_SECONDS: '2',
  VIDEO_WORKER_HEARTBEAT_INTERVAL: '1',
  DRAIN_SECONDS: '35',
  SCRATCH_MIN_FREE_MB: '64',
  HTTP_PORT: '0',
  LOG_LEVEL: 'debug',
}

const harmless = ['SQS_WAIT_SECONDS', 'HTTP_PORT', 'LOG_LEVEL']
/** For a worker that is measured: production's intervals again. Polls stay short, so that it stops soon. */
export const unhurried: Record<string, undefined> = Object.fromEntries(
  Object.keys(quick)
    .filter((name) => !harmless.includes(name))
    .map((name) => [name, undefined]),
)

export interface LogLine {
  readonly msg: string
  readonly level: string
  /** ISO 8601. */
  readonly time: string
  readonly [field: string]: unknown
}

export interface FleetWorker extends Worker {
  /** Its log so far, a line each. */
  log(): LogLine[]
  /** All that it printed. */
  text(): string
  /** Resolves with the first line, past or future, that `matches` wants. */
  logged(matches: (line: LogLine) => boolean): Promise<LogLine>
  /** Address of /healthz, /readyz, /metrics, /status. */
  address(): Promise<string>
}

export interface Fleet {
  readonly stack: Stack
  readonly dir: string
  /** Aborted when the test is torn down. */
  readonly signal: AbortSignal
  start(name: string, env?: Record<string, string | undefined>): FleetWorker
  /** Polls until `check` is true, for at most `seconds` (180): a net for what never comes, no measure of speed. */
  until(what: string, check: () => Promise<boolean> | boolean, seconds?: number): Promise<void>
  /** No worker receives anything from now on; resolves the end of that. Polls that are open already may. */
  holdQueue(): () => void
  /** Stops every worker: for after each test, so that one that failed takes no other's jobs. */
  stopWorkers(): Promise<void>
  close(): Promise<void>
}

/** An embedded stack and real worker processes beside it. */
export async function openFleet(options: Partial<StackOptions> = {}): Promise<Fleet> {
  const dir = await mkdtemp(join(tmpdir(), 'fleet-test-'))
  const stack = await startStack({ dir: join(dir, 'stack'), ...options })
  const torn = new AbortController()
  const workers: Worker[] = []

  const stopWorkers = async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()))
  }

  return {
    ...{ stack, dir, signal: torn.signal },
    start(name, env = {}) {
      const own = { ...quick, WORKER_ID: name, VIDEO_WORKER_TEMP_DIR: join(dir, 'scratch'), ...env }
      const { PATH = '', HOME = '' } = process.env
      const worker = startWorker({ name, env: { PATH, HOME, ...stack.env(own) }, folder: dir })
      workers.push(worker)
      return withLog(worker, torn.signal)
    },
    async until(what, check, seconds = 180) {
      for (let tries = 0; tries < seconds * 10; tries++) {
        if (await check()) return
        await sleep(100, { signal: torn.signal })
      }
      throw new Error(`${what} did not come true within ${seconds} s`)
    },
    holdQueue: () => {
      const times = Number.POSITIVE_INFINITY
      return stack.sqs.faults.failNext({ operation: 'ReceiveMessage' }, { status: 500, times }).remove
    },
    stopWorkers,
    async close() {
      torn.abort(new Error('the test is over'))
      await stopWorkers()
      await stack.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** A worker with what it has logged. */
export function withLog(worker: Worker, signal: AbortSignal): FleetWorker {
  const text = () => readFileSync(worker.logFile, 'utf8')
  const log = () =>
    text()
      .split('\n')
      // What follows the last line break is a line that is still being written.
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogLine)

  async function logged(matches: (line: LogLine) => boolean): Promise<LogLine> {
    for (;;) {
      const found = log().find(matches)
      if (found) return found
      const ended = await Promise.race([worker.ended, sleep(50, { signal })])
      if (ended !== undefined && !log().some(matches))
        throw new Error(`the worker ended (${ended}) without that line: ${logTail(worker).join('\n')}`)
    }
  }
  return {
    ...worker,
    text,
    log,
    logged,
    address: async () => `http://127.0.0.1:${(await logged((line) => line.msg === 'worker is up')).port}`,
  }
}
