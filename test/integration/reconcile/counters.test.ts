import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { backlogKey } from '../../../shared/keys.ts'
import { findings } from '../../../shared/reconcile/find.ts'
import { repair, repairCounters } from '../../../shared/reconcile/repair.ts'
import { brief, counter, type Lab, mend, openLab, tenantId } from './harness.ts'

let lab: Lab
beforeAll(async () => {
  lab = await openLab()
})
afterEach(() => lab.clear())
afterAll(() => lab?.close())

/** A job that waits and is counted, with its message. */
async function waitingJob(): Promise<void> {
  const job = await lab.job()
  await lab.stack.redisClient.incr(counter)
  const token = await lab.claim(job)
  await lab.records.release(job.identity, token, 'releases')
  await lab.stack.send(job.body)
}
const corrupt = (value: number | string, tenant = tenantId) =>
  lab.stack.redisClient.set(backlogKey(tenant), value)

describe('a counter that drifted', () => {
  test.each([
    ['up', 20, 0],
    ['below zero', -4, 0],
  ])('%s with nothing waiting is set right, once', async (_, value, right) => {
    await corrupt(value)
    const world = lab.world()
    const found = await lab.find(world, 'counters')
    expect(brief(found)).toEqual([`counter_drift ${counter} correct_counter`])
    expect((await repair(found, world, { signal: lab.signal })).map(({ result }) => result)).toEqual([
      'would',
    ])
    expect(await lab.stack.backlog(tenantId)).toBe(value)
    expect(await mend(found, world)).toEqual(['repaired'])
    expect(await lab.stack.backlog(tenantId)).toBe(right)
    expect(await mend(found, world)).toEqual(['changed'])
    expect(await lab.stack.backlog(tenantId)).toBe(right)
  })

  test('up or down beside jobs that wait is set to their number', async () => {
    await Promise.all([waitingJob(), waitingJob()])
    const world = lab.world()
    await corrupt(0)
    const [low] = await lab.find(world, 'counters')
    expect(low).toMatchObject({ code: 'counter_drift', evidence: { counter: 0, least: 2, wrong: -2 } })
    expect(await mend([low!], world)).toEqual(['repaired'])
    expect(await lab.stack.backlog(tenantId)).toBe(2)
    await corrupt(9)
    const [high] = await lab.find(world, 'counters')
    // Two messages and two records: whether they belong together nobody can tell while they wait.
    expect(high).toMatchObject({ evidence: { counter: 9, least: 2, most: 4, wrong: 5 } })
    expect(await mend([high!], world)).toEqual(['repaired'])
    expect(await lab.stack.backlog(tenantId)).toBe(4)
  })

  test('of one tenant leaves those of others alone', async () => {
    await waitingJob()
    await corrupt(12, 8)
    const world = lab.world()
    const found = await lab.find(world, 'counters')
    expect(found.map(({ what }) => what)).toEqual([backlogKey(8)])
    await mend(found, world)
    expect([await lab.stack.backlog(tenantId), await lab.stack.backlog(8)]).toEqual([1, 1])
  })

  test('is moved by no more than it was wrong at every look, while jobs come and go', async () => {
    await corrupt(6)
    const world = lab.world()
    await findings(world, { signal: lab.signal, only: ['counters'] })
    await corrupt(2)
    await findings(world, { signal: lab.signal, only: ['counters'] })
    await corrupt(5)
    const [found] = await lab.find(world, 'counters')
    expect(found).toMatchObject({ evidence: { counter: 5, wrong: 2 }, repair: { by: -2 } })
  })
})

describe('a counter is left', () => {
  test('at the first look, and again after one that found it right', async () => {
    await corrupt(20)
    const world = lab.world()
    const first = await findings(world, { signal: lab.signal, only: ['counters'] })
    expect(brief(first)).toEqual([`counter_drift ${counter} nothing`])
    await corrupt(0)
    expect(await lab.find(world, 'counters')).toEqual([])
    await corrupt(20)
    expect(brief(await findings(world, { signal: lab.signal, only: ['counters'] }))).toEqual([
      `counter_drift ${counter} nothing`,
    ])
  })

  test('while jobs that nobody has claimed yet may account for it', async () => {
    for (let sent = 0; sent < 3; sent++) await lab.stack.send((await lab.job()).body)
    await corrupt(3)
    expect(await lab.find(lab.world(), 'counters')).toEqual([])
  })

  test('when it holds no number, which is said', async () => {
    await corrupt('many')
    expect(brief(await lab.find(lab.world(), 'counters'))).toEqual([`unknown ${counter} nothing`])
  })
})

test('messages that no counter knows, as after a wipe of Redis, are told, though not whose they are', async () => {
  for (let sent = 0; sent < 3; sent++) await lab.stack.send((await lab.job()).body)
  const world = lab.world()
  const found = await lab.find(world, 'counters')
  expect(brief(found)).toEqual(['counter_drift all tenants nothing'])
  expect(found[0]!.evidence).toMatchObject({ counter: 0, least: 3, wrong: -3 })
  expect(await mend(found, world)).toEqual(['left'])
})

test('who has no bucket repairs counters alone', async () => {
  await corrupt(20)
  const job = await lab.job()
  await lab.records.release(job.identity, await lab.claim(job), 'releases')
  await corrupt(20)
  const world = lab.world()
  const found = await lab.find(world)
  expect(found.map(({ code }) => code).sort()).toEqual(['counter_drift', 'job_without_message'])
  const done = await repairCounters(found, world, { signal: lab.signal, dryRun: false })
  expect(done.map(({ result }) => result)).toEqual(['repaired'])
  expect(await lab.stack.backlog(tenantId)).toBe(1)
  expect(await lab.messages()).toEqual([])
})
