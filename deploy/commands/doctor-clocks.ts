import type { Config } from '../../shared/config.ts'
import { now } from '../../shared/time.ts'
import type { CommandContext } from './context.ts'
import type { Notes } from './finding.ts'

/** Requests are signed with the time: AWS, R2 and receivers of our signatures allow five minutes. Seconds. */
const wrongSeconds = 240
const oddSeconds = 5
const answerMs = 5_000

/** Our clock against that of everybody who checks it, by the Date of their answers. */
export async function checkClocks(config: Config, notes: Notes, { signal }: CommandContext): Promise<void> {
  const { queue, awsRegion, r2, api } = config
  const servers = {
    SQS: queue.endpoint ?? `https://sqs.${awsRegion}.amazonaws.com`,
    bucket: r2.endpoint,
    API: api.baseUrl,
  }
  await Promise.all(
    Object.entries(servers).map(async ([name, url]) => judgeClock(name, await skewOf(url, signal), notes)),
  )
}

/** skew: seconds that our clock is ahead; undefined when it could not be learned. */
export function judgeClock(name: string, skew: number | undefined, notes: Notes): void {
  if (skew === undefined) {
    notes.warn(name, 'its clock is not known: no answer with a Date', 'see its own lines')
    return
  }
  const words = `ours is ${Math.abs(skew)} s ${skew < 0 ? 'behind' : 'ahead'}`
  const advice = 'keep the time with chrony or systemd-timesyncd'
  if (Math.abs(skew) > wrongSeconds) notes.fail(name, words, `${advice}: signed requests are refused`)
  else if (Math.abs(skew) > oddSeconds) notes.warn(name, words, advice)
  else notes.ok(name, `agrees within ${oddSeconds} s`)
}

async function skewOf(url: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    const sentMs = now()
    const answer = await fetch(url, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(answerMs),
    })
    const theirs = Date.parse(answer.headers.get('date') ?? '')
    // A Date has whole seconds, and was written somewhere between the question and the answer.
    const skew = Math.round(((sentMs + now()) / 2 - theirs - 500) / 1000)
    return Number.isNaN(skew) ? undefined : skew
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}
