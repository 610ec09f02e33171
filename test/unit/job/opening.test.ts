import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { WorkerError } from '../../../shared/errors.ts'
import { createLogger } from '../../../shared/logger.ts'
import { createMetrics } from '../../../shared/metrics.ts'
import { sleep } from '../../../shared/time.ts'
import { type OpenVideo, withVideo } from '../../../worker/job/opening.ts'
import { type SourceServer, startSourceServer } from '../../../worker/job/source.ts'
import type { VideoPorts } from '../../../worker/job/video.ts'
import type { RunContext } from '../../../worker/job/work.ts'
import { openScratch, type Scratch } from '../../../worker/job/workdir.ts'
import { FileStorage } from './file-storage.ts'

let dir: string
let storage: FileStorage
let sources: SourceServer
let scratch: Scratch
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'opening-test-'))
  storage = new FileStorage(dir)
  await writeFile(join(dir, 'source.mp4'), 'bytes')
  sources = await startSourceServer(storage)
  scratch = await openScratch(join(dir, 'scratch'), process.pid, 0)
})
afterAll(async () => {
  await sources.close()
  await rm(dir, { recursive: true, force: true })
})

/** Runs `body` on an opened video whose stages may take a tenth of a second; resolves to why the job was stopped. */
async function open(body: (opened: OpenVideo) => Promise<unknown>): Promise<WorkerError[]> {
  const stopped = new AbortController()
  const reasons: WorkerError[] = []
  const ports = {
    ...{ storage, sources, scratch, metrics: createMetrics(), onBytesMoved() {} },
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
  await withVideo({ jobId: 'j', sourceKey: 'source.mp4', folder: 'out/' }, ports, run, body).catch(() => {})
  return reasons
}

test('a stage that does not end is ended by its deadline, by name, and leaves nothing on scratch', async () => {
  const reasons = await open(({ stage }) => stage('publish', (signal) => sleep(3600_000, { signal })))
  expect(reasons).toMatchObject([{ code: 'stage_timeout', message: 'publish did not end within 0.1 s' }])
  expect(await readdir(scratch.dir)).toEqual(['owner.json'])
})

test('a stage that ends in time is not', async () => {
  expect(await open(({ stage }) => stage('publish', async () => {}))).toEqual([])
})
