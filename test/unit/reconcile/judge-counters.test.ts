import { describe, expect, test } from '@jest/globals'
import { driftOf, judgeCounters } from '../../../shared/reconcile/judge-counters.ts'
import { defaultLimits as limits } from '../../../shared/reconcile/limits.ts'
import type { JobRow } from '../../../shared/reconcile/records.ts'

const now = 1_800_000_000_000
const seven = 'tenant:7:video:backlog_count'
const eight = 'tenant:8:video:backlog_count'
let id = 0
const job = (row: Partial<JobRow> = {}): JobRow => ({
  ...{
    jobId: `job-${id++}`,
    state: 'waiting',
    waiting: true,
    updated: now - 600_000,
    sent: 0,
    leaseUntil: 0,
  },
  ...{ counter: seven, failures: 0, crashes: 0, owedUntil: 0 },
  ...row,
})
const running = (leaseUntil = now + 9000) => job({ state: 'running', waiting: false, leaseUntil })
const nothing = { waiting: 0, inFlight: 0, delayed: 0 }

function wrong(counters: Record<string, number>, rows: JobRow[], counts = nothing): Record<string, number> {
  const verdicts = judgeCounters(
    { rows, now, whole: true },
    new Map(Object.entries(counters)),
    { counts },
    limits,
  )
  return Object.fromEntries(verdicts.map((verdict) => [verdict.key, verdict.wrong]))
}

describe('with an empty queue the recount is exact', () => {
  test.each([
    ['right', { [seven]: 2 }, [job(), job()], { [seven]: 0 }],
    ['too high', { [seven]: 20 }, [], { [seven]: 20 }],
    ['too high, for several tenants', { [seven]: 3, [eight]: 4 }, [job()], { [seven]: 2, [eight]: 4 }],
    ['too low', { [seven]: 1 }, [job(), job(), job()], { [seven]: -2 }],
    ['gone', {}, [job()], { [seven]: -1 }],
    ['below zero', { [seven]: -3 }, [], { [seven]: -3 }],
  ] as [string, Record<string, number>, JobRow[], Record<string, number>][])(
    '%s',
    (_, counters, rows, expected) => {
      expect(wrong(counters, rows)).toEqual(expected)
    },
  )
})

describe('with messages in the queue', () => {
  const counts = { waiting: 4, inFlight: 2, delayed: 0 }

  test('those that nobody has claimed may be any tenant’s', () => {
    expect(wrong({ [seven]: 6, [eight]: 0 }, [], counts)).toEqual({ [seven]: 0, [eight]: 0 })
    expect(wrong({ [seven]: 9 }, [], counts)).toEqual({ [seven]: 3 })
  })

  test('one that is worked on waits for nobody', () => {
    expect(wrong({ [seven]: 6 }, [running(), running()], counts)).toEqual({ [seven]: 2 })
    // A lease that has run out: its message may be visible again.
    expect(wrong({ [seven]: 6 }, [running(now - 1)], counts)).toEqual({ [seven]: 0 })
  })

  test('a waiting job whose message may be lost is not held against the counter', () => {
    expect(wrong({ [seven]: 7 }, [job()], counts)).toEqual({ [seven]: 0 })
    // It was touched a moment ago: its message is one of those.
    expect(wrong({ [seven]: 7 }, [job({ updated: now - 5000 })], counts)).toEqual({ [seven]: 1 })
  })

  test('jobs that are not counted say nothing, those of an older release might be anybody’s', () => {
    expect(wrong({ [seven]: 0 }, [job({ counter: '' })])).toEqual({ [seven]: 0 })
    expect(wrong({ [seven]: 1 }, [job({ counter: undefined })])).toEqual({ [seven]: 0 })
  })
})

test('a job that owes its count takes it out itself, and is not corrected for; one that has ended may be late', () => {
  const owing = (row: Partial<JobRow>) => job({ waiting: false, ...row })
  const soon = now + 1000
  const late = now - 1000
  expect(wrong({ [seven]: 1 }, [owing({ state: 'running', owedUntil: late })])).toEqual({ [seven]: 0 })
  expect(wrong({ [seven]: 1 }, [owing({ state: 'done', owedUntil: soon })])).toEqual({ [seven]: 0 })
  expect(wrong({ [seven]: 1 }, [owing({ state: 'done', owedUntil: late })])).toEqual({ [seven]: 1 })
  // Whether it was counted is not known: it may stand in the counter, and need not.
  expect(wrong({ [seven]: 0 }, [owing({ state: 'running', owedUntil: soon })])).toEqual({ [seven]: 0 })
})

test('drift is what backlog and queue cannot both be right about', () => {
  const counts = { waiting: 3, inFlight: 2, delayed: 1 }
  expect([3, 4, 6].map((backlog) => driftOf(backlog, counts))).toEqual([0, 0, 0])
  expect([0, 2, 7, 20].map((backlog) => driftOf(backlog, counts))).toEqual([-3, -1, 1, 14])
})
