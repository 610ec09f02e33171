import { chance } from '../bench/chance.ts'
import { createEvents } from './events.ts'
import { createGroup, type GroupSettings, type Instance, type Leaving } from './group.ts'
import { nextDesired, type PolicySettings, startFromZero } from './policy.ts'
import { type Counts, createPublisher } from './publisher.ts'
import {
  firstUnit,
  joinOf,
  partsOf,
  type Unit,
  type Upload,
  type Video,
  videoOf,
  type WorkSettings,
} from './work.ts'

/** What the target tracking follows. */
export type Signal = 'BacklogPerInstance' | 'BacklogCount' | 'queue depth'

export interface Load {
  readonly name: string
  /** What happens in it, for the page. */
  readonly story: string
  readonly uploads: readonly Upload[]
  /** Instances run for so long at least; what is left then is worked off. Seconds. */
  readonly seconds: number
  /** Instances that Spot can give, at a time. */
  readonly available?: (now: number) => number
  /** At this time Spot takes this share of the instances in service. */
  readonly storm?: { readonly at: number; readonly share: number }
  /** At this time the API's counter is wrong by so much. */
  readonly corrupted?: { readonly at: number; readonly by: number }
  readonly publisherDown?: { readonly from: number; readonly to: number }
}

export interface FleetSettings extends GroupSettings, WorkSettings {
  readonly signal: Signal
  readonly target: number
  readonly base: PolicySettings['base']
  readonly repairs: boolean
  readonly seed: number
}

/** The state of the fleet at a minute. */
export interface Sample {
  readonly now: number
  readonly waiting: number
  readonly desired: number
  readonly inService: number
  readonly busy: number
  /** Launched and not gone: what is paid for. */
  readonly alive: number
}

export interface Run {
  readonly videos: readonly Video[]
  readonly instances: readonly Instance[]
  readonly samples: readonly Sample[]
  /** Instances that had work when they were told to go. */
  readonly interrupted: Readonly<Record<Leaving, number>>
  /** Work of reclaimed instances that was done again, in seconds. */
  readonly lostSeconds: number
  /** When the last instance above the minimum was gone, or the load's end. */
  readonly endedAt: number
}

const minute = 60
/** CloudWatch's own metrics of a queue that slept for six hours come up to 15 minutes late. */
const sleepSeconds = 6 * 3600
const lateSeconds = 900
/** Of a drain, kept for handing back (worker/drain.ts): what needs longer than the rest goes back at once. */
const finishSeconds = 60
/** A fleet that has not come to its end by then never will. */
const patienceSeconds = 48 * 3600

/** One load on one fleet, from the first minute until all is worked off. The same settings give the same run. Pure. */
export function run(load: Load, settings: FleetSettings): Run {
  const random = chance(settings.seed)
  const events = createEvents()
  const publish = createPublisher(settings)
  const queue: Unit[] = []
  const videos: Video[] = []
  const samples: Sample[] = []
  const points: (number | undefined)[] = []
  /** The queue's counts of a minute ago: they are behind by that (facts: a minute or more). */
  let settled: Counts = { waiting: 0, inFlight: 0 }
  const interrupted = { 'scale-in': 0, spot: 0 }
  let counter = 0
  let handedBack = 0
  let lostSeconds = 0
  let lastActive = Number.NEGATIVE_INFINITY
  let awake = 0

  const group = createGroup({
    ...{ events, settings, random, onService: take, onNotice },
    available: () => load.available?.(events.now) ?? Number.POSITIVE_INFINITY,
  })

  function send(unit: Unit): void {
    queue.push(unit)
    if (unit.counted) counter += 1
    for (const instance of group.living) {
      if (queue.length === 0) return
      if (!instance.unit && instance.state === 'in service') take(instance)
    }
  }

  function take(instance: Instance): void {
    const unit = instance.state === 'in service' ? queue.shift() : undefined
    if (!unit) {
      rest(instance)
      return
    }
    // The product's scripts never let it go below zero (contract.md section 3).
    if (unit.counted) counter = Math.max(0, counter - 1)
    if (unit.again) handedBack -= 1
    unit.video.started ??= events.now
    const turn = ++instance.turn
    Object.assign(instance, { unit, unitFrom: events.now, isProtected: true })
    events.at(events.now + unit.left, () => {
      if (instance.turn === turn) done(instance, unit)
    })
  }

  function done(instance: Instance, unit: Unit): void {
    instance.unit = undefined
    const { video, kind } = unit
    if (kind === 'plan') {
      const parts = partsOf(video, settings)
      video.open = parts.length
      for (const part of parts) send(part)
    } else if (kind === 'audio' || kind === 'chunk') {
      video.open -= 1
      if (video.open === 0) send(joinOf(video, settings))
    } else video.ready = events.now
    if (!instance.unit) take(instance)
  }

  function rest(instance: Instance): void {
    if (instance.state !== 'in service') return
    instance.idleFrom = events.now
    const turn = instance.turn
    if (!instance.isProtected) return
    events.at(events.now + settings.idleSeconds, () => {
      if (instance.turn !== turn || instance.unit) return
      instance.isProtected = false
      group.balance()
    })
  }

  /** Drains: what can end in time does, the rest goes back with its finished chunks. */
  function onNotice(instance: Instance, why: Leaving): void {
    const { unit } = instance
    if (!unit) return
    interrupted[why] += 1
    const spent = events.now - instance.unitFrom
    if (unit.left - spent <= finishSeconds) return
    const kept = Math.floor(spent / unit.step) * unit.step
    lostSeconds += spent - kept
    instance.unit = undefined
    instance.turn += 1
    handedBack += 1
    send({ ...unit, left: unit.left - kept, again: true })
  }

  function countsNow(): Counts {
    return { waiting: queue.length, inFlight: [...group.living].filter(({ unit }) => unit).length }
  }

  /** What target tracking gets to see of this minute. */
  function metric(): number | undefined {
    const now = events.now
    if (settings.signal === 'queue depth') return now < awake ? undefined : settled.waiting
    const { from = 0, to = 0 } = load.publisherDown ?? {}
    if (now >= from && now < to) return undefined
    const held = countsNow().inFlight
    const instances = group.inService().length
    const said = publish({ now, counter, counts: settled, instances, held, handedBack })
    counter = Math.max(0, counter + said.correct)
    return settings.signal === 'BacklogCount' ? said.backlog : said.perInstance
  }

  function tick(): void {
    const { now } = events
    const counts = countsNow()
    if (counts.waiting + counts.inFlight > 0) {
      if (now - lastActive > sleepSeconds) awake = now + lateSeconds * random()
      lastActive = now
    }
    points.push(metric())
    settled = counts
    const started = startFromZero(points.at(-1), group.desired, settings)
    group.setDesired(Math.max(started, nextDesired(points, group.view(), settings)))
    samples.push({
      ...{ now, waiting: counts.waiting, desired: group.desired, inService: group.inService().length },
      ...{ busy: counts.inFlight, alive: group.living.size },
    })
  }

  for (const upload of load.uploads)
    events.at(upload.sent, () => {
      const video = videoOf(upload, settings)
      videos.push(video)
      send(firstUnit(video, settings))
    })
  const { storm, corrupted } = load
  if (storm)
    events.at(storm.at, () => {
      const there = group.inService()
      for (const instance of there.slice(0, Math.round(storm.share * there.length))) group.reclaim(instance)
    })
  if (corrupted)
    events.at(corrupted.at, () => {
      counter += corrupted.by
    })

  group.setDesired(settings.min)
  const isOver = () =>
    events.now >= load.seconds &&
    videos.every(({ ready }) => ready !== undefined) &&
    group.living.size <= settings.min
  for (let now = 0; now <= patienceSeconds && !isOver(); now += minute) {
    events.run(now)
    tick()
  }
  return { videos, instances: group.instances, samples, interrupted, lostSeconds, endedAt: events.now }
}
