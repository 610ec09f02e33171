/** The injuries of a run, as they are done: to processes here, to services in strikes-services.ts. */
import { sleep } from '../../shared/time.ts'
import { signal as sendSignal, toolsOf } from '../faults/processes.ts'
import type { Fleet } from '../fleet/harness.ts'
import type { TcpProxy } from '../local/tcp-proxy.ts'
import type { Gap } from './ledger.ts'
import type { People } from './people.ts'
import type { Strike, StrikeKind } from './schedule.ts'
import { serviceStrikes } from './strikes-services.ts'
import type { Supervisor } from './supervisor.ts'

export interface Battlefield {
  readonly fleet: Fleet
  readonly supervisor: Supervisor
  readonly people: People
  /** Between the fleet and its Redis. */
  readonly proxy: TcpProxy
  /** When Redis took no writes, or lost all. */
  readonly gaps: Gap[]
  /** Since the start of the run. */
  nowMs(): number
  /** The storm is over. */
  readonly signal: AbortSignal
}

/** Does it, and undoes what lasts; resolves to how often it hit, 0 when there was nobody to hit. */
export type StrikeAction = (strike: Strike, field: Battlefield) => Promise<number>

/** A Spot notice comes two minutes ahead; here it is half of that, and the instance is taken when it is over. */
const spotSeconds = 60
/** An encoder of a small clip lives for a second: it is waited for. */
const looks = 20
const lookMs = 250

const actions: Readonly<Record<StrikeKind, StrikeAction>> = {
  async 'kill worker'({ pick }, { supervisor }) {
    const place = supervisor.choose(pick)
    if (place) supervisor.kill(place)
    return Number(place !== undefined)
  },
  async 'stop worker'({ pick, lastsMs }, { supervisor, signal }) {
    const place = supervisor.choose(pick)
    if (place) await supervisor.stop(place, lastsMs, signal)
    return Number(place !== undefined)
  },
  async 'drain worker'({ pick, strength }, { supervisor, signal }) {
    const place = supervisor.choose(pick)
    if (!place) return 0
    const left = supervisor.leave(place, () => place.worker.kill('SIGTERM'))
    // A second SIGTERM: everything at once.
    if (strength > 0.7) await sleep(1000, { signal }).then(() => place.worker.kill('SIGTERM'))
    await left
    return 1
  },
  async 'spot notice'({ pick }, { supervisor }) {
    const place = supervisor.choose(pick)
    if (!place) return 0
    const taken = new AbortController()
    const left = supervisor.leave(place, () => place.instance.imds.reclaim(spotSeconds))
    const reclaim = sleep(spotSeconds * 1000, { signal: taken.signal }).then(
      () => supervisor.kill(place),
      () => {},
    )
    await left
    taken.abort(new Error('it left in time'))
    await reclaim
    return 1
  },
  async 'group terminates'({ pick }, { supervisor }) {
    const place = supervisor.choose(pick)
    if (!place) return 0
    await supervisor.leave(place, () => place.instance.asg.terminate(place.instance.id))
    return 1
  },
  'kill ffmpeg': (strike, field) => hitEncoder(strike, field, 'SIGKILL'),
  'stop ffmpeg': (strike, field) => hitEncoder(strike, field, 'SIGSTOP'),
  ...serviceStrikes,
}

/** Never rejects: an injury that does not come about is none. */
export async function strikeNow(strike: Strike, field: Battlefield): Promise<number> {
  return actions[strike.kind](strike, field).catch(() => 0)
}

async function hitEncoder(
  { pick }: Strike,
  { supervisor, signal }: Battlefield,
  how: 'SIGKILL' | 'SIGSTOP',
): Promise<number> {
  for (let look = 0; look < looks; look++) {
    const ids = supervisor.places.map(({ instance }) => instance.id)
    const encoders = (await toolsOf(ids)).filter(({ name }) => name === 'ffmpeg')
    const encoder = encoders[Math.floor(pick * encoders.length)]
    if (encoder && sendSignal(encoder.pid, how)) return 1
    await sleep(lookMs, { signal })
  }
  return 0
}
