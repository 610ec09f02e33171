import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { asWorkerError, WorkerError } from '../../../shared/errors.ts'
import { orScratchFull, readIfMade, readMade } from '../../../worker/job/made-files.ts'

// A disk that is really full: test/faults/scratch-full.test.ts.
let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'made-files-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

test('an empty file is no end of the video, but a fault', async () => {
  const path = join(dir, 'seg-00001.m4s')
  await writeFile(path, '')
  await expect(readMade(path)).rejects.toMatchObject({ code: 'output_invalid' })
  expect(await readIfMade(path)).toHaveLength(0)
  expect(await readIfMade(join(dir, 'nowhere'))).toHaveLength(0)
})

test('with room on the disk a fault stays what it is', async () => {
  const error = new WorkerError('output_invalid', 'x')
  expect(await orScratchFull(error, dir)).toBe(error)
})

test.each(['ENOSPC', 'EDQUOT'])('%s is the disk’s fault and costs no attempt', (code) => {
  const error = Object.assign(new Error('write'), { code })
  expect(asWorkerError(error)).toMatchObject({ code: 'scratch_full', kind: 'released' })
})
