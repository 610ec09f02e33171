import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createCollector } from '../../../worker/job/collect.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'collect-test-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

test('a segment without a byte, as a full disk leaves it behind an exit code of 0, is no end of the source', async () => {
  const told: string[] = []
  const collector = createCollector({
    ...{ dir, tracks: new Map([['360p', dir]]), selfContained: false, named: (file: string) => file },
    store: {
      keep: async () => ({ uri: 'kept' }),
      keepInit() {},
      stored: async () => {},
    },
    check() {},
    onError: ({ code }) => told.push(code),
  })
  await writeFile(join(dir, 'seg-00000.m4s'), '')
  await expect(collector.finish()).rejects.toMatchObject({ code: 'output_invalid' })
  expect(told).toEqual(['output_invalid'])
})
