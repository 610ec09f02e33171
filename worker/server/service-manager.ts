import { execFile } from 'node:child_process'
import { asWorkerError } from '../../shared/errors.ts'
import type { Logger } from '../../shared/logger.ts'
import { every } from '../../shared/time.ts'
import { type HealthView, healthOf } from './health.ts'

/** How often systemd hears from a worker that has no watchdog, in milliseconds. */
const sayMs = 20_000
/** Beats in one life of the watchdog: two may fail, and the next still comes. */
const beatsPerLife = 3
/** One message; systemd-notify waits until it was read. */
const limitMs = 10_000
/** From the drain's end to the exit: docs/operations.md, "Stopping". */
const lastWordsSeconds = 15

/** What systemd gives a service of Type=notify: sd_notify(3) and sd_watchdog_enabled(3). */
export interface ManagerEnv {
  readonly NOTIFY_SOCKET?: string | undefined
  readonly WATCHDOG_USEC?: string | undefined
  readonly WATCHDOG_PID?: string | undefined
  readonly PATH?: string | undefined
}

/** Who started this process and wants to know how it is: systemd, pm2, or nobody. */
export interface ServiceManager {
  /** The worker polls. From now on systemd hears from it. */
  ready(): void
  /** The worker leaves, for `reason`, and may take `seconds` for its jobs. */
  stopping(reason: string, seconds: number): void
  close(): void
}

interface WorkerView extends HealthView {
  status(): ReturnType<HealthView['status']> & { readonly slots: readonly { readonly state: string }[] }
}

export interface ServiceManagerInput {
  readonly env: ManagerEnv
  readonly worker: WorkerView
  readonly logger: Logger
}

/**
 * Tells systemd that the worker is ready, alive and leaving. Alive means that a poll was answered of late, or that there
 * is a reason for none (health.ts): an event loop that turns around a dead poll is no life. Node speaks no datagrams to
 * Unix sockets, so each message is one systemd-notify: three short processes in the life of a watchdog.
 */
export function openServiceManager({ env, worker, logger }: ServiceManagerInput): ServiceManager {
  const { NOTIFY_SOCKET: socket, PATH = '' } = env
  const watchdogMs = socket ? watchdogOf(env) : undefined
  const closed = new AbortController()
  let last = Promise.resolve()

  /** One after the other, so that none overtakes. */
  function say(...assignments: string[]): Promise<void> {
    if (!socket) return last
    last = last
      .then(() => notify(assignments, { PATH, NOTIFY_SOCKET: socket }))
      .catch((error: unknown) => {
        logger.warn({ err: asWorkerError(error) }, 'systemd could not be told how the worker is')
      })
    return last
  }

  function beat(): Promise<void> {
    const alive = watchdogMs !== undefined && healthOf(worker).ok
    return say(...(alive ? ['WATCHDOG=1'] : []), `STATUS=${sentence(worker)}`)
  }

  return {
    ready() {
      // pm2's wait_ready.
      process.send?.('ready')
      if (!socket) return
      void say('READY=1', `STATUS=${sentence(worker)}`)
      every(watchdogMs === undefined ? sayMs : watchdogMs / beatsPerLife, beat, { signal: closed.signal })
    },
    stopping(reason, seconds) {
      // DRAIN_SECONDS may be longer than the unit knew when it was written.
      const microseconds = Math.ceil((seconds + lastWordsSeconds) * 1e6)
      void say('STOPPING=1', `EXTEND_TIMEOUT_USEC=${microseconds}`, `STATUS=draining (${reason})`)
    },
    close: () => closed.abort(new Error('the worker leaves')),
  }
}

/** Milliseconds; undefined where no watchdog is set, or it is meant for another process. */
function watchdogOf({ WATCHDOG_USEC: microseconds, WATCHDOG_PID: pid }: ManagerEnv): number | undefined {
  const ms = Number(microseconds ?? 0) / 1000
  const meant = pid === undefined || Number(pid) === process.pid
  return meant && ms > 0 ? ms : undefined
}

/** One line for `systemctl status`. */
function sentence(worker: WorkerView): string {
  const { state, sinceGoodPollSeconds, ok } = healthOf(worker)
  const { slots } = worker.status()
  const busy = slots.filter((slot) => slot.state === 'busy').length
  const poll = ok
    ? `last good poll ${sinceGoodPollSeconds} s ago`
    : `NO good poll for ${sinceGoodPollSeconds} s`
  return `${state}, ${busy} of ${slots.length} slots at work, ${poll}`
}

function notify(assignments: readonly string[], env: Record<string, string>): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { env, timeout: limitMs, killSignal: 'SIGKILL' as const }
    execFile('systemd-notify', [...assignments], options, (error, _stdout, stderr) => {
      if (!error) return resolve()
      reject(new Error(stderr.trim().split('\n')[0] || error.message, { cause: error }))
    })
  })
}
