import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { createLogger } from '../../../shared/logger.ts'
import { createMetrics } from '../../../shared/metrics.ts'
import { openLedger, type Plan } from '../../../worker/chunk/ledger.ts'
import type { FanOut } from '../../../worker/job/fan-out.ts'
import { packageVideo, type VideoPorts } from '../../../worker/job/video.ts'
import { alreadyPublished, type RunContext } from '../../../worker/job/work.ts'
import { FileStorage } from './file-storage.ts'

const { signal } = new AbortController()
let dir: string
let storage: FileStorage
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'published-test-'))
  storage = new FileStorage(dir)
})
afterEach(() => rm(dir, { recursive: true, force: true }))

/** Runs a job whose source is gone, and in whose folder are these files. */
async function run(files: string[]) {
  for (const name of files) await storage.put(`out/${name}`, 'x', { contentType: 'text/plain', signal })
  const ports = {
    ...{ storage, metrics: createMetrics() },
    config: { limits: { maxBytes: 0 }, stall: { stageSeconds: 9 } },
  } as unknown as VideoPorts
  const context = {
    ...{ signal, attempt: 2, reporter: { move() {} }, checkLease() {}, stop() {} },
    logger: createLogger({ level: 'silent', pretty: false }, {}),
  } as unknown as RunContext
  const askKey = () => Promise.reject(new Error('nobody asks for a key'))
  return packageVideo(
    { jobId: 'j', sourceKey: 'gone.mp4', folder: 'out/', askKey },
    ports,
    context,
    {} as FanOut,
  )
}

test('a master with its segments and without a ledger says that the job was done', async () => {
  expect(await run(['master.m3u8', '360p/seg-00000.m4s'])).toBe(alreadyPublished)
})

test('a master alone does not: its video was deleted while it was published, and what is left must go', async () => {
  await expect(run(['master.m3u8', '360p/index.m3u8'])).rejects.toMatchObject({ code: 'input_missing' })
})

test('a ledger that somebody removes while it is read fails the attempt as what comes again, not as bad output', async () => {
  const plan = {
    ...{ jobId: 'j', source: { key: 'gone.mp4', bytes: 5, etag: 'e' }, profile: {}, series: '' },
    ...{ facts: { audio: [] }, ladder: [], grid: { chunks: [{ index: 0 }, { index: 1 }], totalFrames: 2 } },
  } as unknown as Plan
  const ledger = openLedger(storage, 'out/')
  await ledger.writePlan(plan, signal)
  for (const index of [0, 1])
    await ledger.writeChunk(plan, { index, tracks: {}, sheets: [], encodeSeconds: 1 }, signal)
  const getText = storage.getText.bind(storage)
  storage.getText = async (key: string) => (key.includes('chunk-00000') ? undefined : getText(key))
  await expect(run(['master.m3u8', '360p/seg-00000.m4s'])).rejects.toMatchObject({ code: 'output_displaced' })
})
