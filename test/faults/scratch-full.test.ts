import { execFile } from 'node:child_process'
import { mkdir, open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { makeLongClip } from '../fleet/clips.ts'
import { type Fleet, openFleet } from '../fleet/harness.ts'
import { encodersOf, signal } from './processes.ts'
import { chunked, expectKept, line, midEncode, sendJob, settled } from './promises.ts'

const run = promisify(execFile)
const tenantId = 23
let fleet: Fleet
let clip: string
/** Scratch on a disk of its own; undefined where this system lets nobody mount one. */
let disk: string | undefined
beforeAll(async () => {
  fleet = await openFleet()
  clip = await makeLongClip(fleet.dir, 18, '640x360')
  const folder = join(fleet.dir, 'small')
  await mkdir(folder)
  disk = await run('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'none', folder]).then(
    () => folder,
    (error: Error) => void console.warn(`not tested, since no disk can be mounted here: ${error.message}`),
  )
})
afterAll(async () => {
  await fleet?.stopWorkers()
  if (disk) await run('umount', ['--lazy', disk])
  await fleet?.close()
})

/** Bytes of the source that the bucket has sent. */
function sentOfSource(): number {
  const reads = fleet.stack.s3.requests.filter(({ method, key }) => method === 'GET' && key.includes('/raw/'))
  return reads.reduce((sum, { bytesSent }) => sum + bytesSent, 0)
}

/** Takes all the room there is. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'w')
  const block = Buffer.alloc(2 ** 20)
  try {
    for (let size = block.length; size >= 1; size = Math.floor(size / 16)) {
      await (async () => {
        for (;;) await file.write(block, 0, size)
      })().catch(() => {})
    }
  } finally {
    await file.close()
  }
}

describe('a scratch disk that fills up in the middle of an encode', () => {
  test('costs no attempt and cuts nothing off: polling stops until there is room, and the job goes on', async () => {
    if (!disk) return
    const scratch = join(disk, 'scratch')
    const worker = fleet.start('cramped', {
      ...{ ...chunked, VIDEO_WORKER_TEMP_DIR: scratch, SCRATCH_MIN_FREE_MB: '32' },
    })
    const job = await sendJob(fleet, clip, { tenantId, videoId: 1 })
    await midEncode(fleet, worker, job, 1)
    // Else the next read of the source would meet it first: the worker notices, ffmpeg does not.
    const { size } = await stat(clip)
    await fleet.until('all of the source is there', () => sentOfSource() >= size)
    const filler = join(disk, 'filler')
    await fill(filler)
    for (const { pid } of await encodersOf('cramped', job.jobId)) signal(pid, 'SIGCONT')
    await settled(worker, job, 'released')
    const ended = await line(worker, job, 'job ended without a result')
    expect(ended).toMatchObject({ err: { code: 'scratch_full' } })

    await worker.logged(({ code }) => code === 'scratch_full')
    const page = async (name: string) => fetch(`${await worker.address()}/${name}`)
    expect(await (await page('readyz')).json()).toMatchObject({ ready: false, scratch: false, queue: true })
    expect((await page('healthz')).status).toBe(200)
    await rm(filler)
    await settled(worker, job, 'done')
    expect(await line(worker, job, 'job started', { attempt: 2 })).toMatchObject({
      ...{ failures: 0, crashes: 0, releases: 1 },
    })
    const [complete] = fleet.stack.api.calls.filter(
      ({ name, jobId }) => [name, jobId].join() === `complete,${job.jobId}`,
    )
    expect(complete?.body).toMatchObject({ duration: 18 })
    await expectKept(fleet, { jobs: [{ job, end: 'complete' }], workers: ['cramped'], scratch })
  })
})
