import type { Logger } from '../../shared/logger.ts'
import { monotonicMs } from '../../shared/time.ts'

/** Whoever may tell a worker to leave. */
export type NoticeSource = 'signal' | 'spot' | 'lifecycle' | 'operator'

export interface Notice {
  readonly source: NoticeSource
  /** For people: `SIGTERM`, `Spot: terminate at …`. */
  readonly reason: string
  /** From now to when the process should have ended. */
  readonly seconds: number
}

/** Where every source puts its notice: the first one starts the drain, the nearest deadline ends it. */
export interface NoticeBoard {
  raise(notice: Notice): void
  /** Resolves with the first notice. */
  readonly first: Promise<Notice>
  /** Called when a later notice leaves less time than those before it. */
  onNearer(listener: (seconds: number) => void): void
  /** The first notice, with the seconds that are left by the nearest; undefined while there is none. */
  current(): Notice | undefined
}

/** onNotice: told once of each source. */
export function createNoticeBoard(
  logger: Logger,
  onNotice: (source: NoticeSource) => void = () => {},
): NoticeBoard {
  const listeners: ((seconds: number) => void)[] = []
  const heard = new Set<NoticeSource>()
  const { promise: first, resolve } = Promise.withResolvers<Notice>()
  let leading: Notice | undefined
  let endMs = Number.POSITIVE_INFINITY

  return {
    first,
    raise(notice) {
      const { source, reason, seconds } = notice
      if (!heard.has(source)) {
        heard.add(source)
        onNotice(source)
        logger.warn({ source, reason, seconds: Math.round(seconds) }, 'notice to leave')
      }
      const nearer = monotonicMs() + seconds * 1000
      const before = endMs
      endMs = Math.min(endMs, nearer)
      if (leading === undefined) {
        leading = notice
        resolve(notice)
      } else if (nearer < before) for (const listener of listeners) listener(seconds)
    },
    onNearer: (listener) => listeners.push(listener),
    current: () => leading && { ...leading, seconds: Math.max(0, (endMs - monotonicMs()) / 1000) },
  }
}
