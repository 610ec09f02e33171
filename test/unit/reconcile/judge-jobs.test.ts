import { describe, expect, test } from '@jest/globals'
import { judgeJobs, judgeParts } from '../../../shared/reconcile/judge-jobs.ts'
import { defaultLimits as limits } from '../../../shared/reconcile/limits.ts'
import type { Look } from '../../../shared/reconcile/look.ts'
import type { JobRow } from '../../../shared/reconcile/records.ts'

const now = 1_800_000_000_000
const seconds = (count: number) => now - count * 1000
const day = 86_400
const job = (row: Partial<JobRow>): JobRow => ({
  ...{ jobId: 'a', state: 'waiting', waiting: true, updated: seconds(400), sent: 0, leaseUntil: 0 },
  ...{ counter: 'tenant:7:video:backlog_count', failures: 0, crashes: 0, owedUntil: 0 },
  ...row,
})
const busy: Look = {
  ...{ counts: { waiting: 3, inFlight: 1, delayed: 0 }, retentionSeconds: 14 * day, now },
  ...{ emptySince: 0, idleSince: 0 },
}
const empty: Look = {
  ...busy,
  ...{ counts: { waiting: 0, inFlight: 0, delayed: 0 }, emptySince: seconds(300), idleSince: seconds(300) },
}
const codes = (rows: JobRow[], look: Look) =>
  judgeJobs({ rows, now, whole: true }, look, limits).map(({ code, proof, free }) => ({ code, proof, free }))

describe('a job has lost its message', () => {
  test('when the queue has been empty for minutes in which nothing happened to it', () => {
    const lost = { code: 'job_without_message', proof: 'empty', free: true }
    expect(codes([job({})], empty)).toEqual([lost])
    expect(codes([job({ state: 'running', leaseUntil: seconds(300) })], empty)).toEqual([lost])
    expect(codes([job({ state: 'fanned' })], empty)).toEqual([{ ...lost, code: 'job_unjoined' }])
  })

  test('when nothing happened to it for longer than the queue keeps a message, or than any is held twice over', () => {
    expect(codes([job({ updated: seconds(14 * day + 100) })], busy)).toMatchObject([{ proof: 'retention' }])
    expect(codes([job({ updated: seconds(day + 1) })], busy)).toMatchObject([{ proof: 'backstop' }])
  })

  test.each([
    ['there are messages', [job({ updated: seconds(day - 1) })], busy],
    ['the queue is empty for a moment only', [job({})], { ...empty, emptySince: seconds(200) }],
    ['something has happened to it a moment ago', [job({ updated: seconds(200) })], empty],
    ['it was sent a moment ago', [job({ sent: seconds(10) })], empty],
    ['a lease on it runs, whatever the queue says', [job({ state: 'running', leaseUntil: now + 1 })], empty],
    [
      'a lease on a part of it runs',
      [job({ state: 'fanned' }), job({ jobId: 'a/chunk-3', state: 'running', leaseUntil: now + 1 })],
      empty,
    ],
    [
      'a part of it was stored a moment ago',
      [job({ state: 'fanned' }), job({ jobId: 'a/chunk-3', state: 'done', updated: seconds(9) })],
      empty,
    ],
    ['it has ended', ['done', 'dead', 'cancelled'].map((state) => job({ state })), empty],
    ['it is a part, which its job’s join sends', [job({ jobId: 'b/chunk-0' })], empty],
  ] as [string, JobRow[], Look][])('not when %s', (_, rows, look) => {
    expect(codes(rows, look)).toEqual([])
  })
})

describe('a job whose lease ended long ago', () => {
  const stalled = job({ state: 'running', waiting: false, updated: seconds(2000), leaseUntil: seconds(1000) })

  test('is free when nothing has been in flight for minutes, or for longer than SQS lets anybody hold', () => {
    expect(codes([stalled], { ...busy, idleSince: seconds(241) })).toEqual([
      { code: 'job_stalled', proof: undefined, free: true },
    ])
    const old = { ...stalled, updated: seconds(13 * 3600), leaseUntil: seconds(13 * 3600) }
    expect(codes([old], busy)).toMatchObject([{ code: 'job_stalled', free: true }])
  })

  test('is left while somebody may hold its message: a worker without Redis', () => {
    expect(codes([stalled], busy)).toMatchObject([{ code: 'job_stalled', free: false }])
  })

  test('is nothing to speak of for a quarter of an hour', () => {
    expect(codes([{ ...stalled, leaseUntil: seconds(899), updated: seconds(899) }], busy)).toEqual([])
  })
})

describe('a part that waits for nothing', () => {
  const part = job({ jobId: 'a/chunk-1' })
  const left = (rows: JobRow[], look = empty) =>
    judgeParts({ rows, now, whole: true }, look, limits).map(({ row, parentState }) => [
      row.jobId,
      parentState,
    ])

  test('is one whose job has ended, or is not remembered, and whose message is lost', () => {
    for (const state of ['done', 'dead', 'cancelled'])
      expect(left([part, job({ state })])).toEqual([['a/chunk-1', state]])
    expect(left([part])).toEqual([['a/chunk-1', '']])
  })

  test('is none whose job goes on, that is worked on, or whose message may be there', () => {
    for (const state of ['waiting', 'running', 'fanned']) expect(left([part, job({ state })])).toEqual([])
    expect(left([job({ jobId: 'a/chunk-1', state: 'running' }), job({ state: 'done' })])).toEqual([])
    expect(left([part, job({ state: 'done' })], busy)).toEqual([])
    expect(left([job({ jobId: 'a', state: 'waiting' })])).toEqual([])
  })
})
