import { readdir } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createLogger } from '../../../shared/logger.ts'
import type { PartMessage } from '../../../shared/messages.ts'
import { createMetrics } from '../../../shared/metrics.ts'
import { openLedger, type Plan } from '../../../worker/chunk/ledger.ts'
import { type PartPorts, partWork } from '../../../worker/job/part.ts'
import type { RunContext, VideoWork } from '../../../worker/job/work.ts'
import { folder, openSources, type Sources } from './stored-job.ts'

const { signal } = new AbortController()
let opened: Sources
beforeAll(async () => {
  opened = await openSources()
})
afterAll(() => opened.close())

test('a part whose source was replaced is not cut by the plan of the first one: its job plans anew', async () => {
  const sent: string[] = []
  const spec = {
    jobId: 'a',
    sourceKey: 'source.mp4',
    folder,
    askKey: () => Promise.reject(new Error('unasked')),
  }
  const parent = {
    identity: { jobId: 'a' },
    body: '{"job_id":"a"}',
    group: 'g',
    labels: {},
    spec: async () => spec,
  }
  const ports = {
    ...{
      ...opened,
      metrics: createMetrics(),
      onBytesMoved() {},
      owner: 'w',
      lostSeconds: 600,
    },
    records: { state: async () => 'fanned' },
    queue: { send: async (body: string) => void sent.push(JSON.parse(body).kind) },
    config: { limits: { maxBytes: 0 }, upload: { maxConcurrency: 1 }, stall: { stageSeconds: 9 } },
  } as unknown as PartPorts
  const message = { kind: 'part', jobId: 'a/chunk-0', part: { type: 'chunk', index: 0 } } as PartMessage
  const part = partWork(message, parent as unknown as VideoWork, ports)
  const run = {
    ...{ signal, attempt: 1, reporter: { move() {} }, checkLease() {}, stop() {} },
    logger: createLogger({ level: 'silent', pretty: false }, {}),
  } as unknown as RunContext
  const plan = {
    ...{
      jobId: 'a',
      source: { key: 'source.mp4', bytes: 5, etag: 'of another file' },
      profile: {},
      series: '',
    },
    ...{ facts: { audio: [] }, ladder: [], grid: { chunks: [{ index: 0, frames: 1 }], totalFrames: 1 } },
  } as unknown as Plan
  const ledger = openLedger(opened.storage, folder)
  await ledger.writePlan(plan, signal)

  const result = await part.run(run)
  expect(result).toBe('replan')
  expect(await readdir(opened.scratch.dir)).toEqual(['owner.json'])
  await part.complete(result as 'replan', signal)
  expect(sent).toEqual(['join'])
  expect([...(await ledger.present(signal)).keys()]).toEqual(['.work/plan.json'])
})

test('without a plan a part counts as stored when its job is published, and then only', async () => {
  const parentOf = (published: boolean) =>
    ({
      identity: { jobId: 'a' },
      labels: {},
      spec: async () => ({ folder: 'empty/' }),
      isPublished: async () => published,
    }) as unknown as VideoWork
  const ports = { storage: opened.storage, records: { state: async () => 'running' } } as unknown as PartPorts
  const message = { kind: 'part', jobId: 'a/chunk-0', part: { type: 'chunk', index: 0 } } as PartMessage
  expect(await partWork(message, parentOf(true), ports).isPublished!(signal)).toBe(true)
  expect(await partWork(message, parentOf(false), ports).isPublished!(signal)).toBe(false)
})
