import { readdir } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { WorkerError } from '../../../shared/errors.ts'
import { createLogger } from '../../../shared/logger.ts'
import { createMetrics } from '../../../shared/metrics.ts'
import { sleep } from '../../../shared/time.ts'
import { type OpenVideo, withVideo } from '../../../worker/job/opening.ts'
import type { VideoPorts } from '../../../worker/job/video.ts'
import type { RunContext } from '../../../worker/job/work.ts'
import { folder, openSources, type Sources } from './stored-job.ts'

let opened: Sources
beforeAll(async () => {
  opened = await openSources()
})
afterAll(() => opened.close())

/** Runs `body` on an opened video whose stages may take a tenth of a second; resolves to why the job was stopped. */
async function open(body: (opened: OpenVideo) => Promise<unknown>): Promise<WorkerError[]> {
  const stopped = new AbortController()
  const reasons: WorkerError[] = []
  const ports = {
    ...{ ...opened, metrics: createMetrics(), onBytesMoved() {} },
    config: { limits: { maxBytes: 0 }, upload: { maxConcurrency: 1 }, stall: { stageSeconds: 0.1 } },
  } as unknown as VideoPorts
  const run = {
    ...{ signal: stopped.signal, attempt: 1, reporter: { move() {} }, checkLease() {} },
    logger: createLogger({ level: 'silent', pretty: false }, {}),
    stop(error: WorkerError) {
      reasons.push(error)
      stopped.abort(error)
    },
  } as unknown as RunContext
  const askKey = () => Promise.reject(new Error('nobody asks for a key'))
  const spec = { jobId: 'j', sourceKey: 'source.mp4', folder, askKey }
  await withVideo(spec, ports, run, body).catch(() => {})
  return reasons
}

test('a stage that does not end is ended by its deadline, by name, and leaves nothing on scratch', async () => {
  const reasons = await open(({ stage }) => stage('publish', (signal) => sleep(3600_000, { signal })))
  expect(reasons).toMatchObject([{ code: 'stage_timeout', message: 'publish did not end within 0.1 s' }])
  expect(await readdir(opened.scratch.dir)).toEqual(['owner.json'])
})

test('a stage that ends in time is not', async () => {
  expect(await open(({ stage }) => stage('publish', async () => {}))).toEqual([])
})
