import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { WorkerError } from '../../../shared/errors.ts'
import type { FinalState } from '../../../shared/jobs.ts'
import { removeFolder, sweepFolder } from '../../../worker/job/sweep.ts'
import type { VideoResult } from '../../../worker/job/video.ts'
import { type Bucket, folder, openBucket, storeFiles, storeLedger } from './stored-job.ts'

const { signal } = new AbortController()
const published = ['360p/seg-00000.m4s', 'master.m3u8']
const unreadable = ['.work/plan.json', ...published]
let bucket: Bucket
/** Hears of results as the API does. */
let told: VideoResult[]
let tell: (result: VideoResult) => Promise<'accepted' | 'gone'>
beforeEach(async () => {
  bucket = await openBucket()
  told = []
  tell = async () => 'accepted'
})
afterEach(() => bucket.close())

/** What is left of these files. */
async function left(files: string[], remove: () => Promise<void>): Promise<string[]> {
  await storeFiles(bucket.storage, files)
  await remove()
  return stored()
}

async function stored(): Promise<string[]> {
  const names: string[] = []
  for await (const { key } of bucket.storage.list(folder)) names.push(key.slice(folder.length))
  return names.sort()
}

function sweep(state: FinalState): Promise<void> {
  const spec = {
    jobId: 'j',
    sourceKey: 'gone.mp4',
    folder,
    askKey: () => Promise.reject(new Error('unasked')),
  }
  return sweepFolder(spec, state, bucket.storage, signal, (result) => {
    told.push(result)
    return tell(result)
  })
}
const swept = (state: FinalState, files: string[]) => left(files, () => sweep(state))

test('of a job that is done the ledger goes', async () => {
  expect(await swept('done', unreadable)).toEqual(published)
})

test('of a job that was given up all goes that nobody can play', async () => {
  expect(await swept('dead', ['.work/plan.json', '360p/seg-00000.m4s'])).toEqual([])
  expect(await swept('dead', unreadable)).toEqual(unreadable)
})

test('of a cancelled job all goes but a whole video: a master that came too late, a ledger that nobody can read', async () => {
  expect(await swept('cancelled', ['master.m3u8'])).toEqual([])
  expect(await swept('cancelled', unreadable)).toEqual([])
  expect(told).toEqual([])
})

test('a video that the API took behind the cancel stays, whatever message of its job comes again', async () => {
  expect(await swept('cancelled', published)).toEqual(published)
  expect(told).toEqual([])
})

test('a whole video of a cancelled job that may not have been reported is, and stays without its ledger', async () => {
  const names = await storeLedger(bucket.storage)
  expect(await swept('cancelled', ['master.m3u8'])).toEqual([...names, 'master.m3u8'])
  expect(told).toMatchObject([{ masterKey: `${folder}master.m3u8` }])
})

test('it goes when the API knows its row no more, and an API that is away leaves all of it for the next look', async () => {
  await storeLedger(bucket.storage)
  await storeFiles(bucket.storage, published)
  const before = await stored()
  tell = () => Promise.reject(new WorkerError('api_unavailable', 'away'))
  await expect(sweep('cancelled')).rejects.toMatchObject({ code: 'api_unavailable' })
  expect(await stored()).toEqual(before)
  tell = async () => 'gone'
  await sweep('cancelled')
  expect(await stored()).toEqual([])
})

test('whoever carries the cancel out removes all of it', async () => {
  const remove = (code: 'cancelled' | 'encode_failed') => () =>
    removeFolder(folder, new WorkerError(code, 'x'), bucket.storage, signal)
  expect(await left(unreadable, remove('encode_failed'))).toEqual(unreadable)
  expect(await left(published, remove('cancelled'))).toEqual([])
})
