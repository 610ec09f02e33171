import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { loadConfig } from '../../../shared/config.ts'
import { chance } from '../../bench/chance.ts'
import { factsOf } from '../../bench/fleet-page.ts'
import { createEvents } from '../../scaling/events.ts'
import { createGroup } from '../../scaling/group.ts'
import { loads } from '../../scaling/loads.ts'
import { figuresOf, spreadOf } from '../../scaling/measure.ts'
import { createPublisher } from '../../scaling/publisher.ts'
import { readLoad } from '../../scaling/recorded.ts'
import { type FleetSettings, run } from '../../scaling/run.ts'
import { defaults, runLoad, signals } from '../../scaling/study.ts'
import { root } from '../house/sources.ts'
import { required } from '../shared/config-required.ts'

const { times } = factsOf(readFileSync(join(root, 'docs/fleet-speed.md'), 'utf8'))
const names = loads(1).map(({ name }) => name)

/** A fleet of any shape, by a number. */
function anySettings(seed: number): Partial<FleetSettings> {
  const random = chance(seed)
  const one = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!
  const min = one([0, 0, 1, 3])
  return {
    ...{ seed, min, max: min + one([3, 6, 20]), target: one([0.5, 2, 15, 60]), signal: one(signals) },
    ...{ warmupSeconds: one([0, 180, 600]), bootSeconds: one([30, 120, 400]), cores: one([4, 16]) },
    ...{ base: one(['warmed', 'all'] as const), repairs: one([true, false]) },
  }
}

describe('whatever the fleet and the load', () => {
  test.each(names)('%s: bounds hold, no scale-in ends work, every video is ready or told', (name) => {
    for (let seed = 1; seed <= 4; seed++) {
      const settings = anySettings(seed * 7)
      const { samples, interrupted, videos, instances, lostSeconds } = runLoad(times, name, settings)
      const { min = 0, max = 0 } = settings
      for (const { desired, busy, inService, alive } of samples) {
        expect(desired).toBeGreaterThanOrEqual(min)
        expect(desired).toBeLessThanOrEqual(max)
        expect(busy).toBeLessThanOrEqual(alive)
        expect(inService).toBeLessThanOrEqual(alive)
      }
      expect(interrupted['scale-in']).toBe(0)
      if (name !== 'Spot storm') expect([interrupted.spot, lostSeconds]).toEqual([0, 0])
      expect(instances.filter(({ state, unit }) => state === 'gone' && unit)).toEqual([])
      for (const { sent, started, ready, ideal } of videos) {
        expect(started).toBeGreaterThanOrEqual(sent)
        // Less than the ideal by rounding only.
        expect(ready! - sent).toBeGreaterThan(ideal - 0.001)
      }
    }
  })

  test('the same seed is the same run, another is another', () => {
    const of = (seed: number) => JSON.stringify(figuresOf(runLoad(times, 'morning burst', { seed })))
    expect(of(1)).toBe(of(1))
    expect(of(2)).not.toBe(of(1))
  })
})

describe('a run', () => {
  test('without data keeps the capacity that it has', () => {
    const load = loads(1).find(({ name }) => name === 'publisher down')!
    const { from, to } = load.publisherDown!
    const { samples } = run(load, { ...defaults, times })
    const silent = samples.filter(({ now }) => now >= from && now < to)
    expect(silent.length).toBe(60)
    expect(new Set(silent.map(({ desired }) => desired)).size).toBe(1)
    expect(samples.filter(({ now }) => now >= to).some(({ desired }) => desired !== silent[0]!.desired)).toBe(
      true,
    )
  })

  test('of a storm loses no video, and work of less than a chunk for each instance', () => {
    const { videos, interrupted, lostSeconds } = runLoad(times, 'Spot storm')
    expect(interrupted.spot).toBeGreaterThan(0)
    expect(videos.every(({ ready }) => ready !== undefined)).toBe(true)
    expect(lostSeconds).toBeLessThanOrEqual(interrupted.spot * (times.chunkRate * defaults.chunkSeconds))
  })

  test('with a counter that is wrong comes back to none when it is repaired, and stays when it is not', () => {
    const laterOn = (repairs: boolean) => {
      const { samples } = runLoad(times, 'counter corrupted', { repairs })
      return samples.find(({ now }) => now === 3 * 3600)!.alive
    }
    expect(laterOn(true)).toBeLessThanOrEqual(1)
    expect(laterOn(false)).toBeGreaterThanOrEqual(4)
  })

  test('is what is recorded, from its first upload on', () => {
    const text = JSON.stringify([
      { sent: '2026-02-03T09:10:00Z', seconds: 600 },
      { sent: '2026-02-03T09:00:00Z', seconds: 60 },
    ])
    expect(readLoad('a', text).uploads).toEqual([
      { sent: 600, seconds: 60 },
      { sent: 1200, seconds: 600 },
    ])
    expect(() => readLoad('a', '[{"sent": 1, "seconds": 2}, {"sent": "soon", "seconds": 2}]')).toThrow(
      'entry 2',
    )
    expect(() => readLoad('a', '{}')).toThrow('no list')
  })
})

describe('a group', () => {
  const settings = { min: 0, max: 5, warmupSeconds: 180, bootSeconds: 100, idleSeconds: 60, leaveSeconds: 30 }
  function make(available = 5) {
    const events = createEvents()
    const told: string[] = []
    const group = createGroup({
      ...{ events, settings, random: () => 0.5, available: () => available, onService: () => {} },
      onNotice: ({ id }, why) => told.push(`${id} ${why}`),
    })
    return { events, group, told }
  }

  test('ends nobody who is protected, and does it when that is over', () => {
    const { events, group, told } = make()
    group.setDesired(2)
    events.run(200)
    group.setDesired(0)
    expect([group.desired, group.inService().length, told]).toEqual([0, 2, []])
    group.inService()[1]!.isProtected = false
    group.balance()
    expect(told).toEqual(['1 scale-in'])
    group.reclaim(group.inService()[0]!)
    expect(told).toEqual(['1 scale-in', '0 spot'])
    events.run(500)
    expect(group.instances.map(({ state }) => state)).toEqual(['gone', 'gone'])
  })

  test('starts no more than it may and can have, and counts as warm who was in service long enough', () => {
    const { events, group } = make(3)
    group.setDesired(9)
    expect([group.desired, group.instances.length]).toEqual([5, 3])
    events.run(100)
    expect(group.view()).toEqual({ desired: 5, warmed: 0, warming: 3 })
    events.run(280)
    expect(group.view()).toEqual({ desired: 5, warmed: 3, warming: 0 })
  })
})

describe('the publisher’s minute', () => {
  const minute = { counter: 3, counts: { waiting: 3, inFlight: 0 }, instances: 2, held: 0, handedBack: 0 }

  test('is the product’s metric', () => {
    const publish = createPublisher({ repairs: true })
    expect(publish({ now: 0, ...minute })).toEqual({ backlog: 3, perInstance: 1.5, drift: 0, correct: 0 })
    expect(publish({ now: 60, ...minute, instances: 0, counter: 0 })).toMatchObject({
      perInstance: 3,
      drift: -3,
    })
  })

  test('corrects what was wrong at every look for four minutes, by no more than at each', () => {
    const publish = createPublisher({ repairs: true })
    const wrong = [60, 50, 70, 60].map(
      (more, at) => publish({ now: 60 * at, ...minute, counter: 3 + more }).correct,
    )
    expect(wrong).toEqual([0, 0, 0, 0])
    expect(publish({ now: 240, ...minute, counter: 63 }).correct).toBe(-50)
    const calm = createPublisher({ repairs: true })
    for (let at = 0; at < 9; at++)
      expect(calm({ now: 60 * at, ...minute, counter: at % 3 ? 63 : 3 }).correct).toBe(0)
  })
})

test('things happen in the order of their times, and of their coming', () => {
  const events = createEvents()
  const random = chance(3)
  const seen: number[] = []
  for (let each = 0; each < 200; each++) {
    const at = Math.floor(random() * 50)
    events.at(at, () => seen.push(at * 1000 + each))
  }
  events.run(25)
  expect(seen.every((value) => value < 26_000)).toBe(true)
  events.run(99)
  expect([seen.length, events.isEmpty, events.now]).toEqual([200, true, 99])
  expect(seen).toEqual(seen.toSorted((a, b) => a - b))
})

test('a spread is by the nearest rank', () => {
  expect(spreadOf([5, 1, 4, 2, 3])).toEqual({ p50: 3, p95: 5, max: 5 })
  expect(spreadOf(Array.from({ length: 100 }, (_, index) => index + 1))).toEqual({
    p50: 50,
    p95: 95,
    max: 100,
  })
  expect(spreadOf([])).toEqual({ p50: 0, p95: 0, max: 0 })
})

test('what is simulated is what the worker is configured to by default', () => {
  const { hls, scaling } = loadConfig(required)
  expect(defaults).toMatchObject({
    ...{
      chunkSeconds: hls.chunkSeconds,
      fanoutMinChunks: hls.fanoutMinChunks,
      idleSeconds: scaling.idleSeconds,
    },
  })
})
