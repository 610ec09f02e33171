import { describe, expect, test } from '@jest/globals'
import { balance, type DeadLetter, type End, type JobFacts, type RunFacts } from '../../chaos/ledger.ts'

const limits = { maxAttempts: 5, maxCrashes: 3 }
const complete: End = { name: 'complete', code: '', atMs: 5000 }
const fail = (code: string, atMs = 5000): End => ({ name: 'fail', code, atMs })
const job = (jobId: string, more: Partial<JobFacts> = {}): JobFacts => ({
  ...{ jobId, video: jobId.charCodeAt(0), source: 'short', ends: [complete], starts: 1, missing: [] },
  ...{ strays: [], status: undefined, deleteIsDead: false },
  ...more,
})
const letter = (body: string, jobId = ''): DeadLetter => ({ body, jobId, reason: 'why', deletes: undefined })

/** One of each end, and all as it should be. */
const good: RunFacts = {
  jobs: [
    job('a', { status: 'READY' }),
    job('b', { source: 'hostile', ends: [fail('input_playlist')], status: 'FAILED' }),
    job('c', { source: 'missing', ends: [fail('input_missing')], starts: 5 }),
    job('d', { ends: [fail('crashes_exhausted')], starts: 3 }),
    job('e', { ends: [fail('cancelled')], cancelledMs: 1000 }),
    job('f', { ends: [], deletedMs: 1000 }),
  ],
  poison: ['connection_test 1'],
  deadLetters: [letter('{"job_id":"c"}', 'c'), letter('{"job_id":"d"}', 'd'), letter('connection_test 1')],
  queue: { waiting: 0, inFlight: 0, delayed: 0 },
  backlog: [{ tenant: 1, count: 0, recount: 0 }],
  ...{ gaps: [], processes: [], scratch: [], uploads: [], exits: [], faults: [], unsettled: [] },
}
const rules = (facts: RunFacts) =>
  balance(facts, limits).breaches.map(({ rule, jobId }) => (jobId ? `${rule} ${jobId}` : rule))
/** The good run with one job otherwise. */
const withJob = (jobId: string, more: Partial<JobFacts>): RunFacts => ({
  ...good,
  jobs: good.jobs.map((each) => (each.jobId === jobId ? { ...each, ...more } : each)),
})

test('a run in which every job has its end balances', () => {
  expect(balance(good, limits)).toEqual({
    jobs: 6,
    ended: { complete: 1, rejected: 1, dead: 2, cancelled: 1, deleted: 1, open: 0 },
    ...{ callbacks: 5, forgotten: 0, breaches: [] },
  })
})

describe('it does not balance when', () => {
  test.each<[string, RunFacts, string[]]>([
    ['a job has no end', withJob('a', { ends: [], status: undefined }), ['ends a']],
    [
      'the API took two ends',
      withJob('a', { ends: [complete, fail('encode_failed', 6000)] }),
      ['one callback a', 'dead letters a', 'reason a', 'status a'],
    ],
    ['an object is missing', withJob('a', { missing: ['seg-1.m4s'] }), ['output a']],
    ['a ledger is left', withJob('a', { strays: ['.work/plan.json'] }), ['leftovers a']],
    ['a rejected job left output', withJob('b', { strays: ['seg-0.m4s'] }), ['leftovers b']],
    ['a deleted video is still there', withJob('f', { strays: ['a.mp4'] }), ['leftovers f']],
    ['a hostile source was published', withJob('b', { ends: [complete], status: 'READY' }), ['reason b']],
    [
      'a good source was rejected',
      withJob('a', { ends: [fail('no_video')], status: 'FAILED' }),
      ['reason a'],
    ],
    [
      'a missing source was rejected',
      withJob('c', { ends: [fail('input_empty')] }),
      ['reason c', 'dead letters c'],
    ],
    ['nobody asked for a cancel', withJob('e', { cancelledMs: undefined }), ['reason e']],
    ['a job was given up too soon', withJob('d', { starts: 2 }), ['reason d']],
    ['the status says otherwise', withJob('a', { status: 'FAILED' }), ['status a']],
    ['a dead job is not in the DLQ', { ...good, deadLetters: good.deadLetters.slice(1) }, ['dead letters c']],
    ['poison is not in the DLQ', { ...good, deadLetters: good.deadLetters.slice(0, 2) }, ['dead letters']],
    [
      'a complete job is in the DLQ',
      { ...good, deadLetters: [...good.deadLetters, letter('{}', 'a')] },
      ['dead letters a'],
    ],
    [
      'a deleted video’s job is in the DLQ',
      { ...good, deadLetters: [...good.deadLetters, letter('{}', 'f')] },
      ['dead letters f'],
    ],
    [
      'something unknown is in the DLQ',
      { ...good, deadLetters: [...good.deadLetters, letter('{}')] },
      ['dead letters'],
    ],
    ['the queue is not empty', { ...good, queue: { waiting: 0, inFlight: 1, delayed: 0 } }, ['queue']],
    ['a counter is not 0', { ...good, backlog: [{ tenant: 1, count: 1, recount: 0 }] }, ['backlog']],
    [
      'a record says that its job waits',
      { ...good, backlog: [{ tenant: 1, count: 0, recount: 1 }] },
      ['backlog'],
    ],
    ['a process is left', { ...good, processes: ['7 ffmpeg'] }, ['processes']],
    ['scratch is left', { ...good, scratch: ['folder'] }, ['scratch']],
    ['an upload is open', { ...good, uploads: ['key'] }, ['uploads']],
    ['a worker ended by itself', { ...good, exits: ['exit code 1'] }, ['exits']],
    ['a worker found a fault in itself', { ...good, faults: ['internal'] }, ['faults']],
    ['it did not come to rest', { ...good, unsettled: ['job a is open'] }, ['unsettled']],
  ])('%s', (_, facts, expected) => {
    expect(rules(facts).toSorted()).toEqual(expected.toSorted())
  })
})

describe('a second end of a job', () => {
  const twice = (ends: readonly End[], gaps: RunFacts['gaps']) => ({ ...withJob('d', { ends }), gaps })
  const ends = [fail('crashes_exhausted', 5000), { ...complete, atMs: 9000 }]

  test('is excused when Redis lost the first one before it came, or could not take it', () => {
    for (const gap of [
      { fromMs: 7000, toMs: 7000, wiped: true },
      { fromMs: 4000, toMs: 6000, wiped: true },
      { fromMs: 4000, toMs: 6000, wiped: false },
    ])
      expect(balance(twice(ends, [gap]), limits)).toMatchObject({ forgotten: 1, breaches: [] })
  })

  test('is not when Redis knew', () => {
    for (const gap of [
      { fromMs: 3000, toMs: 3000, wiped: true },
      { fromMs: 9500, toMs: 9500, wiped: true },
      { fromMs: 6000, toMs: 8000, wiped: false },
    ])
      expect(rules(twice(ends, [gap]))).toEqual(['one callback d'])
  })

  test('never is when the first was a complete', () => {
    const gap = { fromMs: 7000, toMs: 7000, wiped: true }
    expect(rules(twice([complete, fail('crashes_exhausted', 9000)], [gap]))).toEqual(['one callback d'])
  })
})

describe('a delete that was given up', () => {
  const parked = { ...letter('{"action":"delete_r2"}'), deletes: 'f'.charCodeAt(0) }

  test('lies in the DLQ, and what it did not remove is there until it is redriven', () => {
    const facts = withJob('f', { strays: ['a.mp4'], deleteIsDead: true })
    expect(rules({ ...facts, deadLetters: [...facts.deadLetters, parked] })).toEqual([])
  })

  test('is none when nobody deleted the video', () => {
    expect(rules({ ...good, deadLetters: [...good.deadLetters, { ...parked, deletes: 1 }] })).toEqual([
      'dead letters',
    ])
  })
})
