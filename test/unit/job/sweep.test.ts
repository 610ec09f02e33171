import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { WorkerError } from '../../../shared/errors.ts'
import type { FinalState } from '../../../shared/jobs.ts'
import { removeFolder, sweepFolder } from '../../../worker/job/sweep.ts'
import { FileStorage } from './file-storage.ts'

const { signal } = new AbortController()
const reported = ['360p/seg-00000.m4s', 'master.m3u8']
const unreported = ['.work/plan.json', ...reported]
let dir: string
let storage: FileStorage
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sweep-test-'))
  storage = new FileStorage(dir)
})
afterEach(() => rm(dir, { recursive: true, force: true }))

/** What is left of these files. */
async function left(files: string[], remove: () => Promise<void>): Promise<string[]> {
  for (const name of files) await storage.put(`out/${name}`, 'x', { contentType: 'text/plain', signal })
  await remove()
  const names: string[] = []
  for await (const { key } of storage.list('out/')) names.push(key.slice('out/'.length))
  return names.sort()
}
const swept = (state: FinalState, files: string[]) =>
  left(files, () => sweepFolder('out/', state, storage, signal))

test('of a job that is done the ledger goes', async () => {
  expect(await swept('done', unreported)).toEqual(reported)
})

test('of a job that was given up all goes that nobody can play', async () => {
  expect(await swept('dead', ['.work/plan.json', '360p/seg-00000.m4s'])).toEqual([])
  expect(await swept('dead', unreported)).toEqual(unreported)
})

test('of a cancelled job a video goes that was never reported, and one whose master came too late', async () => {
  expect(await swept('cancelled', unreported)).toEqual([])
  expect(await swept('cancelled', ['master.m3u8'])).toEqual([])
})

test('a video that the API took behind the cancel stays, whatever message of its job comes again', async () => {
  expect(await swept('cancelled', reported)).toEqual(reported)
})

test('whoever carries the cancel out removes all of it', async () => {
  const remove = (code: 'cancelled' | 'encode_failed') => () =>
    removeFolder('out/', new WorkerError(code, 'x'), storage, signal)
  expect(await left(unreported, remove('encode_failed'))).toEqual(unreported)
  expect(await left(reported, remove('cancelled'))).toEqual([])
})
