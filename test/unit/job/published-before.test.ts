import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { createLogger } from '../../../shared/logger.ts'
import { createMetrics } from '../../../shared/metrics.ts'
import type { FanOut } from '../../../worker/job/fan-out.ts'
import { packageVideo, type VideoPorts } from '../../../worker/job/video.ts'
import { alreadyPublished, type RunContext } from '../../../worker/job/work.ts'
import { type Bucket, folder, openBucket, storeFiles, storeLedger } from './stored-job.ts'

const { signal } = new AbortController()
let bucket: Bucket
beforeEach(async () => {
  bucket = await openBucket()
})
afterEach(() => bucket.close())

/** Runs a job whose source is gone, and in whose folder are these files. */
async function run(files: string[]) {
  const { storage } = bucket
  await storeFiles(storage, files)
  const ports = {
    ...{ storage, metrics: createMetrics() },
    config: { limits: { maxBytes: 0 }, stall: { stageSeconds: 9 } },
  } as unknown as VideoPorts
  const context = {
    ...{ signal, attempt: 2, reporter: { move() {} }, checkLease() {}, stop() {} },
    logger: createLogger({ level: 'silent', pretty: false }, {}),
  } as unknown as RunContext
  const askKey = () => Promise.reject(new Error('nobody asks for a key'))
  return packageVideo({ jobId: 'j', sourceKey: 'gone.mp4', folder, askKey }, ports, context, {} as FanOut)
}

test('a master with its segments and without a ledger says that the job was done', async () => {
  expect(await run(['master.m3u8', '360p/seg-00000.m4s'])).toBe(alreadyPublished)
})

test('a master alone does not: its video was deleted while it was published, and what is left must go', async () => {
  await expect(run(['master.m3u8', '360p/index.m3u8'])).rejects.toMatchObject({ code: 'input_missing' })
})

test('a ledger that somebody removes while it is read fails the attempt as what comes again, not as bad output', async () => {
  const { storage } = bucket
  await storeLedger(storage)
  const getText = storage.getText.bind(storage)
  storage.getText = async (key: string) => (key.includes('chunk-00000') ? undefined : getText(key))
  await expect(run(['master.m3u8', '360p/seg-00000.m4s'])).rejects.toMatchObject({ code: 'output_displaced' })
})
