import { CreateMultipartUploadCommand, ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { reconcileKey } from '../../../shared/keys.ts'
import { findings } from '../../../shared/reconcile/find.ts'
import { repair } from '../../../shared/reconcile/repair.ts'
import { sleep } from '../../../shared/time.ts'
import { brief, type Job, type Lab, mend, openLab } from './harness.ts'

/** With 0 whole seconds for what nobody remembers, everything is as old as that. */
const aged = { forgottenSeconds: -1 }

let lab: Lab
let s3: S3Client
beforeAll(async () => {
  lab = await openLab()
  const { endpoint, accessKey, secretKey } = lab.stack.s3
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey }
  s3 = new S3Client({ endpoint, credentials, region: 'auto', forcePathStyle: true })
})
afterEach(() => lab.clear())
afterAll(async () => {
  s3?.destroy()
  await lab?.close()
})

/** Files of a job: its ledger, a segment, and its master when it is published. */
async function files(job: Job, { published = false, ledger = true } = {}): Promise<void> {
  const plan = { jobId: job.jobId, source: { key: job.fileKey }, profile: { name: 'default' } }
  if (ledger) {
    await lab.put(`${job.folder}.work/plan.json`, JSON.stringify(plan))
    await lab.put(`${job.folder}.work/chunk-00000.json`)
  }
  await lab.put(`${job.folder}h264-540p/0.m4s`)
  if (published) await lab.put(`${job.folder}master.m3u8`)
}
async function ended(job: Job, state: 'done' | 'dead' | 'cancelled'): Promise<void> {
  await lab.records.finish(job.identity, await lab.claim(job), { state, status: {} })
}
const foldersFound = (limits = {}) => lab.find(lab.world(limits), 'folders')

describe('a ledger', () => {
  test('of a job that is done is removed, and nothing else of it', async () => {
    const job = await lab.job()
    await files(job, { published: true })
    await ended(job, 'done')
    const found = await foldersFound()
    expect(brief(found)).toEqual([`ledger_left ${job.folder} remove`])
    const before = await lab.everything()
    const dry = await repair(found, lab.world(), { signal: lab.signal })
    expect(dry.map(({ result }) => result)).toEqual(['would'])
    expect(await lab.everything()).toEqual(before)
    expect(await mend(found, lab.world())).toEqual(['repaired'])
    expect(await lab.keys(job.folder)).toEqual([`${job.folder}h264-540p/0.m4s`, `${job.folder}master.m3u8`])
    expect(await mend(found, lab.world())).toEqual(['changed'])
    expect(await foldersFound()).toEqual([])
  })

  test('of a job that was given up after it was published waits for the redrive that reports it', async () => {
    const job = await lab.job()
    await files(job, { published: true })
    await ended(job, 'dead')
    expect(await foldersFound()).toEqual([])
    expect(brief(await foldersFound(aged))).toEqual([`ledger_left ${job.folder} remove`])
  })

  test('of a published video that nobody remembers makes its message again', async () => {
    const job = await lab.job()
    await files(job, { published: true })
    const found = await foldersFound()
    expect(brief(found)).toEqual([`job_unreported ${job.folder} send`])
    expect(await mend(found, lab.world())).toEqual(['repaired'])
    expect((await lab.messages()).map((body) => JSON.parse(body))).toEqual([JSON.parse(job.body)])
    expect(await mend(found, lab.world())).toEqual(['changed'])
  })

  test('of a published video that a newer one has replaced is removed: to report it would bring the old one back', async () => {
    const [old, newer] = [await lab.job({ videoId: 900 }), await lab.job({ videoId: 900 })]
    await files(old, { published: true })
    // HEAD tells whole seconds.
    await sleep(1100, { signal: lab.signal })
    await files(newer, { published: true, ledger: false })
    expect(brief(await foldersFound())).toEqual([`ledger_left ${old.folder} remove`])
  })

  test('of a film that nobody remembers is left until nobody can have its message', async () => {
    const folder = 'hls/42/11111111-2222-4333-8444-555555555555/'
    await lab.put(`${folder}.work/plan.json`)
    await lab.put(`${folder}master.m3u8`)
    expect(brief(await foldersFound())).toEqual([`job_unreported ${folder} nothing`])
    expect(brief(await foldersFound(aged))).toEqual([`ledger_left ${folder} remove`])
  })
})

describe('a folder without a video', () => {
  test.each(['dead', 'cancelled', 'done'] as const)('of a job that is %s is removed', async (state) => {
    const job = await lab.job()
    await files(job)
    await ended(job, state)
    const found = await foldersFound()
    expect(brief(found)).toEqual([`folder_left ${job.folder} remove`])
    expect(await mend(found, lab.world())).toEqual(['repaired'])
    expect(await lab.keys(job.folder)).toEqual([])
    expect(await lab.keys(job.fileKey)).toHaveLength(1)
  })

  test('of a job that nobody remembers is sent again when its source is there and the queue is empty', async () => {
    const job = await lab.job()
    await files(job)
    const found = await foldersFound()
    expect(brief(found)).toEqual([`job_forgotten ${job.folder} send`])
    expect(await mend(found, lab.world())).toEqual(['repaired'])
    expect((await lab.messages()).map((body) => JSON.parse(body))).toEqual([JSON.parse(job.body)])
    // The message is there: the job lives.
    expect(await foldersFound()).toEqual([])
  })

  test('is removed after 15 days when its source is gone, or a newer version is published', async () => {
    const gone = await lab.job({ source: false })
    await files(gone)
    const [old, newer] = [await lab.job({ videoId: 901 }), await lab.job({ videoId: 901 })]
    await files(old)
    // HEAD tells whole seconds.
    await sleep(1100, { signal: lab.signal })
    await files(newer, { published: true, ledger: false })
    expect(await foldersFound()).toEqual([])
    const found = await foldersFound(aged)
    expect(brief(found).sort()).toEqual(
      [`folder_left ${gone.folder} remove`, `folder_left ${old.folder} remove`].sort(),
    )
    expect(await mend(found, lab.world(aged))).toEqual(['repaired', 'repaired'])
    expect(await lab.keys(newer.folder)).toHaveLength(2)
  })

  test('is left when its job came back to life before the repair', async () => {
    const job = await lab.job()
    await files(job)
    await ended(job, 'dead')
    const found = await foldersFound()
    await lab.stack.redisClient.del(`video-worker:job:${job.jobId}`)
    await lab.claim(job)
    expect(await mend(found, lab.world())).toEqual(['changed'])
    expect(await lab.keys(job.folder)).toHaveLength(3)
  })
})

test('what a job works on, what is young, and what is not ours is left', async () => {
  const [running, waiting, young] = [await lab.job(), await lab.job(), await lab.job()]
  for (const job of [running, waiting, young]) await files(job)
  await lab.claim(running)
  await lab.records.release(waiting.identity, await lab.claim(waiting), 'releases')
  await lab.put('tenants/7/video/hls/5/v1/index0.ts')
  await lab.put('tenants/7/video/hls/5/master.m3u8')
  await lab.put('tenants/7/documents/a.pdf')
  await lab.put('videos/42_film.mp4')
  expect(await foldersFound({ leftSeconds: 3600 })).toEqual([])
  expect(brief(await foldersFound({ ...aged }))).toEqual([`job_forgotten ${young.folder} send`])
})

test('a wiped Redis makes it delete nothing', async () => {
  const jobs = await Promise.all([lab.job(), lab.job(), lab.job(), lab.job()])
  await files(jobs[0]!, { published: true, ledger: false })
  await files(jobs[1]!, { published: true })
  await files(jobs[2]!)
  await lab.claim(jobs[2]!)
  await files(jobs[3]!)
  await ended(jobs[3]!, 'dead')
  const before = await lab.keys('')
  const world = lab.world()
  const foundBefore = await lab.find(world)
  await lab.stack.redisClient.flushall()
  const found = await lab.find(world)
  expect(found.filter(({ repair }) => repair?.type === 'remove')).toEqual([])
  await mend([...foundBefore, ...found], world)
  expect(await lab.keys('')).toEqual(before)
})

test('a walk goes on where the last run ended, through all folders and no more', async () => {
  const jobs = await Promise.all(Array.from({ length: 5 }, () => lab.job()))
  for (const job of jobs) {
    await files(job)
    await ended(job, 'dead')
  }
  const world = lab.world({ folders: 2 })
  const look = async () => {
    const found = await findings(world, { signal: lab.signal, only: ['folders'] })
    return found.filter(({ code }) => code === 'folder_left').map(({ what }) => what)
  }
  const seen = [await look(), await look(), await look()]
  expect(seen.map((folders) => folders.length)).toEqual([2, 2, 1])
  expect(seen.flat().sort()).toEqual(jobs.map(({ folder }) => folder).sort())
  expect(await lab.stack.redisClient.get(reconcileKey('folders'))).toBe('')
})

test('open uploads of jobs are aborted, those of sources are the product’s', async () => {
  const [job, held] = [await lab.job(), await lab.job()]
  await lab.claim(held)
  const Bucket = lab.stack.s3.bucket
  for (const Key of [`${job.folder}h264/0.m4s`, `${held.folder}h264/0.m4s`, job.fileKey])
    await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }))
  expect(await lab.find(lab.world({ leftSeconds: 3600 }), 'uploads')).toEqual([])
  const world = lab.world()
  const found = await lab.find(world, 'uploads')
  expect(brief(found)).toEqual([`upload_left ${job.folder}h264/0.m4s abort_upload`])
  expect(await mend(found, world)).toEqual(['repaired'])
  // Again: it is gone, which is what was wanted.
  expect(await mend(found, world)).toEqual(['repaired'])
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket }))
  expect(Uploads.map(({ Key }) => Key).sort()).toEqual([`${held.folder}h264/0.m4s`, job.fileKey].sort())
})
