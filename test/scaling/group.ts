import type { Events } from './events.ts'
import type { GroupView } from './policy.ts'
import type { Unit } from './work.ts'

export interface Instance {
  readonly id: number
  readonly launched: number
  state: 'pending' | 'in service' | 'leaving' | 'gone'
  inService: number
  /** From scale-in: from its launch, and from before each job, until it was idle for a while. */
  isProtected: boolean
  /** What it works on, and when it will be done. */
  unit: Unit | undefined
  unitFrom: number
  idleFrom: number
  /** Grows with each piece of work: what was to happen to an older one does not. */
  turn: number
  gone: number | undefined
}

export interface GroupSettings {
  readonly min: number
  readonly max: number
  readonly warmupSeconds: number
  /** From the launch to in service, on average; a quarter more or less. */
  readonly bootSeconds: number
  /** SCALE_IN_IDLE_SECONDS */
  readonly idleSeconds: number
  /** From the notice of a scale-in to the end: the open poll, the last words. */
  readonly leaveSeconds: number
}

export interface Group {
  /** All that there ever were. */
  readonly instances: readonly Instance[]
  /** Those that are not gone: what is paid for. */
  readonly living: ReadonlySet<Instance>
  readonly desired: number
  view(): GroupView
  inService(): Instance[]
  /** Bounds it and starts what is missing, or ends what is too many and may be ended. */
  setDesired(capacity: number): void
  /** Ends and launches what is due: protection may have ended, an instance may have gone. */
  balance(): void
  /** A Spot reclaim: nothing protects from it. */
  reclaim(instance: Instance): void
}

export type Leaving = 'scale-in' | 'spot'

/** Spot takes an instance so long after its notice. */
const noticeSeconds = 120

export interface GroupInput {
  readonly events: Events
  readonly settings: GroupSettings
  readonly random: () => number
  /** Instances that can be had at the moment. */
  readonly available: () => number
  readonly onService: (instance: Instance) => void
  /** It takes no more work; what it has in hand must be given back, or ended in time. */
  readonly onNotice: (instance: Instance, why: Leaving) => void
}

export function createGroup(input: GroupInput): Group {
  const { events, settings, random } = input
  const instances: Instance[] = []
  const living = new Set<Instance>()
  let desired = settings.min

  const staying = () => [...living].filter(({ state }) => state !== 'leaving')

  function launch(): void {
    const instance: Instance = {
      ...{
        id: instances.length,
        launched: events.now,
        state: 'pending',
        inService: Number.POSITIVE_INFINITY,
      },
      // As the group makes them (deploy/stack): a worker removes it when it was idle for a while.
      ...{ isProtected: true, unit: undefined, unitFrom: 0, idleFrom: 0, turn: 0, gone: undefined },
    }
    instances.push(instance)
    living.add(instance)
    const boot = settings.bootSeconds * (0.75 + 0.5 * random())
    events.at(events.now + boot, () => {
      instance.state = 'in service'
      instance.inService = events.now
      instance.idleFrom = events.now
      input.onService(instance)
    })
  }

  function end(instance: Instance, why: Leaving): void {
    const seconds = why === 'spot' ? noticeSeconds : settings.leaveSeconds
    instance.state = 'leaving'
    input.onNotice(instance, why)
    events.at(events.now + seconds, () => {
      instance.state = 'gone'
      instance.gone = events.now
      living.delete(instance)
      balance()
    })
  }

  function balance(): void {
    const there = staying()
    const missing = Math.min(desired, input.available()) - there.length
    for (let each = 0; each < missing; each++) launch()
    // The oldest first; one that boots still is left to come up.
    const free = there.filter(({ state, isProtected }) => state === 'in service' && !isProtected)
    for (const instance of free.slice(0, Math.max(0, there.length - desired))) end(instance, 'scale-in')
  }

  return {
    ...{ instances, living },
    get desired() {
      return desired
    },
    inService: () => [...living].filter(({ state }) => state === 'in service'),
    view() {
      const warmedBy = events.now - settings.warmupSeconds
      const there = staying()
      const warmed = there.filter(({ inService }) => inService <= warmedBy).length
      return { desired, warmed, warming: there.length - warmed }
    },
    setDesired(capacity) {
      desired = Math.min(settings.max, Math.max(settings.min, capacity))
      balance()
    },
    balance,
    reclaim(instance) {
      if (instance.state === 'in service') end(instance, 'spot')
    },
  }
}
