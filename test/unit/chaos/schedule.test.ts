import { describe, expect, test } from '@jest/globals'
import { planChaos, strikeKinds } from '../../chaos/schedule.ts'

const size = { jobs: 200, seconds: 600, seed: 7 }

describe('what a run does', () => {
  test('is the same for the same seed, and another for another', () => {
    expect(planChaos(size)).toEqual(planChaos(size))
    expect(planChaos({ ...size, seed: 8 })).not.toEqual(planChaos(size))
  })

  test('has as many uploads as were asked for, each video once, in order of time', () => {
    const { acts } = planChaos(size)
    const videos = acts.flatMap((act) => (act.what === 'upload' ? [act.video] : []))
    expect(videos.toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: 200 }, (_, at) => at + 1),
    )
    expect(acts.map(({ atMs }) => atMs)).toEqual(
      acts.map(({ atMs }) => atMs).toSorted((one, other) => one - other),
    )
  })

  test('cancels and deletes no video before it is uploaded, and none twice', () => {
    const { acts } = planChaos(size)
    const later = acts.flatMap((act) => (act.what === 'cancel' || act.what === 'delete' ? [act] : []))
    expect(later.length).toBeGreaterThan(10)
    expect(new Set(later.map(({ video }) => video)).size).toBe(later.length)
    for (const { video, atMs } of later) {
      const upload = acts.find((act) => act.what === 'upload' && act.video === video)!
      expect(atMs).toBeGreaterThanOrEqual(upload.atMs)
    }
  })

  test('has every kind of source and of injury within ten minutes, whatever the seed', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const { acts, strikes } = planChaos({ ...size, seed })
      const sources = new Set(acts.flatMap((act) => (act.what === 'upload' ? [act.source] : [])))
      expect(sources.size).toBe(6)
      expect(new Set(strikes.map(({ kind }) => kind)).size).toBe(strikeKinds.length)
    }
  })

  test('is over when it should be: no injury lasts beyond the storm', () => {
    const { acts, strikes } = planChaos(size)
    for (const { atMs, lastsMs } of strikes) expect(atMs + lastsMs).toBeLessThanOrEqual(600_000)
    for (const { atMs } of acts) expect(atMs).toBeLessThanOrEqual(600_000)
  })

  test('has poison that can be told apart', () => {
    const bodies = planChaos(size).acts.flatMap((act) => (act.what === 'poison' ? [act.body] : []))
    expect(bodies.length).toBe(5)
    expect(new Set(bodies).size).toBe(bodies.length)
  })
})
