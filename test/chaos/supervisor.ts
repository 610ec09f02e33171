/** Keeps a fleet of workers alive, each on an instance of its own, as systemd and an Auto Scaling group would. */
import { monotonicMs, sleep } from '../../shared/time.ts'
import { type FakeInstance, startInstance } from '../faults/instance.ts'
import { signal as sendSignal } from '../faults/processes.ts'
import type { Fleet, FleetWorker } from '../fleet/harness.ts'

/** Between the end of a worker and its next start on the same instance. */
const restartMs = 1000
/** sysexits.h: queue or bucket did not answer, or refused, for BOOT_WAIT_SECONDS; a restart later helps. */
const unavailable = 'exit code 69'
/** Longer than any drain with the time for which a worker may be stopped in it. */
const longestStopMs = 110_000

/** One of the fleet's places: an instance, and the process that runs on it now. */
export interface Place {
  readonly index: number
  readonly instance: FakeInstance
  readonly worker: FleetWorker
  /** Stopped by us, until then (monotonic); 0 for never. */
  stoppedUntilMs: number
  /** Who is killed by us is no surprise. */
  isKilled: boolean
  /** Told to leave; a second time is no other injury. */
  isLeaving: boolean
}

export class Supervisor {
  /** Ends that nobody ordered. */
  readonly surprises: string[] = []
  /** Every name that a worker had. */
  readonly names: string[] = []
  /** So often a worker was started. */
  starts = 0
  readonly #fleet: Fleet
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #places: (Place | undefined)[]
  readonly #loops: Promise<void>[]
  readonly #onChange: (inService: number) => void
  #isClosing = false

  constructor(
    fleet: Fleet,
    count: number,
    env: Readonly<Record<string, string | undefined>>,
    onChange: (inService: number) => void,
  ) {
    this.#fleet = fleet
    this.#env = env
    this.#onChange = onChange
    this.#places = Array.from({ length: count }, () => undefined)
    this.#loops = this.#places.map((_, index) =>
      this.#keep(index).catch((error: unknown) => {
        if (!fleet.signal.aborted) this.surprises.push(`place ${index + 1}: ${error}`)
      }),
    )
  }

  get places(): readonly Place[] {
    return this.#places.filter((place) => place !== undefined)
  }

  /** pick: from 0 to 1. Undefined when none is up. */
  choose(pick: number): Place | undefined {
    const { places } = this
    return places[Math.floor(pick * places.length)]
  }

  kill(place: Place): void {
    place.isKilled = true
    place.worker.kill('SIGKILL')
  }

  /** Stands still for so long: nothing of it runs. */
  async stop(place: Place, ms: number, signal: AbortSignal): Promise<void> {
    place.stoppedUntilMs = monotonicMs() + ms
    sendSignal(place.worker.pid, 'SIGSTOP')
    await sleep(ms, { signal }).catch(() => {})
    sendSignal(place.worker.pid, 'SIGCONT')
  }

  /** What was told to leave is gone in time, or it is killed, which is a surprise. */
  async leave(place: Place, tell: () => void): Promise<void> {
    if (place.isLeaving) return
    place.isLeaving = true
    tell()
    const patience = new AbortController()
    const late = sleep(longestStopMs, { signal: patience.signal }).then(
      () => {
        this.surprises.push(`${place.worker.name} did not leave within ${longestStopMs / 1000} s`)
        this.kill(place)
      },
      () => {},
    )
    await place.worker.ended
    patience.abort()
    await late
  }

  /** No more restarts; every worker is told to leave, and does. */
  async close(): Promise<void> {
    this.#isClosing = true
    await Promise.all(this.places.map((place) => this.leave(place, () => place.worker.kill('SIGTERM'))))
    await Promise.all(this.#loops)
  }

  async #keep(index: number): Promise<void> {
    while (!this.#isClosing && !this.#fleet.signal.aborted) {
      const instance = await startInstance()
      this.names.push(instance.id)
      try {
        let run = 1
        while (await this.#runOn(instance, index, run)) run += 1
      } finally {
        await instance.close()
      }
    }
  }

  /** One process from start to end; false when its instance goes with it. */
  async #runOn(instance: FakeInstance, index: number, run: number): Promise<boolean> {
    if (this.#isClosing) return false
    const name = `${index + 1}-${instance.id}-${run}`
    const worker = this.#fleet.start(name, { ...this.#env, ...instance.env })
    const place: Place = {
      ...{ index, instance, worker, stoppedUntilMs: 0, isKilled: false, isLeaving: false },
    }
    this.#places[index] = place
    this.starts += 1
    this.#onChange(this.places.length)
    const how = await worker.ended
    this.#places[index] = undefined
    this.#onChange(this.places.length)
    // Told so early that nobody listened yet.
    const left = how === 'exit code 0' || (how === 'SIGTERM' && place.isLeaving)
    if (left) return false
    const ordered = how === unavailable || (how === 'SIGKILL' && place.isKilled)
    if (!ordered) this.surprises.push(`${name}: ${how}`)
    if (this.#isClosing) return false
    await sleep(restartMs, { signal: this.#fleet.signal })
    return true
  }
}
