import type { Config } from '../../shared/config.ts'
import type { Notes } from './finding.ts'

/** A Spot notice comes 120 s ahead, and a worker must be gone 20 s before (facts.md). Seconds. */
const spotSeconds = 100
/** The heartbeat key lives 60 s: contract.md section 3. */
const heartbeatKeySeconds = 60

/**
 * The limits of the configuration held against each other, as the tests hold the defaults: each alone looks right, and
 * together they lose jobs. What is wrong for certain is an error of the configuration already. Pure but for the notes.
 */
export function checkTimeouts(config: Config, notes: Notes): void {
  const { api, stall, ffmpeg, queue, drainSeconds } = config
  const rules: readonly [boolean, string, string, string][] = [
    [
      drainSeconds <= spotSeconds,
      'drain',
      `DRAIN_SECONDS ${drainSeconds}`,
      `on Spot it must not be more than ${spotSeconds}; elsewhere every supervisor must wait longer than it`,
    ],
    [
      drainSeconds > queue.waitSeconds + 10,
      'drain',
      `DRAIN_SECONDS ${drainSeconds}, SQS_WAIT_SECONDS ${queue.waitSeconds}`,
      'the open poll ends first: leave 10 s more than it takes',
    ],
    [
      api.tries * (api.timeoutSeconds + api.backoffCapSeconds) < stall.stageSeconds,
      'report',
      `${api.tries} calls of ${api.timeoutSeconds} s with waits of ${api.backoffCapSeconds} s, STAGE_DEADLINE_SECONDS ${stall.stageSeconds}`,
      'lower VIDEO_WORKER_RETRY_MAX, _HTTP_TIMEOUT or _BACKOFF_CAP, or raise the deadline',
    ],
    [
      ffmpeg.probeTimeoutSeconds < stall.stageSeconds,
      'probe',
      `FFPROBE_TIMEOUT_SECONDS ${ffmpeg.probeTimeoutSeconds}, STAGE_DEADLINE_SECONDS ${stall.stageSeconds}`,
      'the probe must end within its stage',
    ],
    [
      2 * api.heartbeatSeconds < heartbeatKeySeconds,
      'heartbeat',
      `VIDEO_WORKER_HEARTBEAT_INTERVAL ${api.heartbeatSeconds}`,
      `the key lives ${heartbeatKeySeconds} s: two beats must fit, else one that fails shows the job as dead`,
    ],
  ]
  for (const [holds, what, found, advice] of rules) {
    if (holds) notes.ok(what, found)
    else notes.warn(what, found, advice)
  }
}
