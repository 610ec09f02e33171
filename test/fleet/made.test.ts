import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { makeFiles } from '../corpus/make.ts'
import { parseManifest } from '../corpus/manifest.ts'
import { pairs } from '../corpus/marks.ts'
import { runCorpus } from '../corpus/run.ts'
import type { Row } from '../corpus/table.ts'
import { openFleet } from './harness.ts'

// Of the awkward files that `npm run corpus -- --made` makes, those that once came out wrong or not at all, and a hole.
const files = [
  'cut-hevc-open.ts',
  'clock-4s-back.ts',
  'new-pids.ts',
  'sound-channels-change.ts',
  'phone-amr.3gp',
  'hole-edit-list.mp4',
  'joined-large.ts',
  'pace-later.mov',
]
let dir: string
let rows: Row[]

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'made-test-'))
  const signal = AbortSignal.timeout(300_000)
  await makeFiles(dir, { only: files, signal })
  const entries = parseManifest(await readFile(join(dir, 'manifest.json'), 'utf8'))
  rows = await runCorpus({ ...{ dir, entries, signal }, onRow: () => {}, say: () => {} })
})
afterAll(() => rm(dir, { recursive: true, force: true }))

const row = (file: string) => rows.find((each) => each.file === file)

test('HEVC that was cut in mid-group begins with its first whole picture', () => {
  expect(row('cut-hevc-open.ts')).toMatchObject({ right: true, problems: [], measured: { frames: 150 } })
})

test('nothing is lost behind a clock that begins anew, however short what was before', () => {
  expect(row('clock-4s-back.ts')).toMatchObject({ right: true, problems: [], measured: { frames: 200 } })
})

test('a broadcast that moves its tracks to other PIDs is made to its end', () => {
  expect(row('new-pids.ts')).toMatchObject({ right: true, problems: [], measured: { frames: 200 } })
})

test('a hole over the start of a segment holds its last picture, and every other is in its place', () => {
  const hole = row('hole-edit-list.mp4')
  expect(hole).toMatchObject({ right: true, problems: [], measured: { frames: 300 } })
  expect(hole?.measured?.leastDb).toBeGreaterThan(28)
})

test('a large recording that shows still pages first keeps the pace of what moves later', () => {
  expect(row('pace-later.mov')).toMatchObject({ right: true, problems: [], measured: { rate: 30 } })
})

test('of a broadcast that is too large to be listed, and is two recordings in a row, both are kept', () => {
  expect(row('joined-large.ts')).toMatchObject({ right: true, problems: [], measured: { frames: 600 } })
})

test('sound that goes from stereo to 5.1 on the way is heard to its end, in step', () => {
  expect(row('sound-channels-change.ts')).toMatchObject({ right: true, problems: [], checks: 8 })
  expect(row('sound-channels-change.ts')?.measured?.offsets).toHaveLength(4)
})

test('sound of which nearly nothing decodes, as a phone’s pauses do not, ends no job', () => {
  expect(row('phone-amr.3gp')).toMatchObject({ right: true, problems: [], measured: { audio: true } })
})

test('sound that changes is made even in the layout of the Python fleet, too', async () => {
  const fleet = await openFleet()
  try {
    fleet.start('made-academy')
    const path = join(dir, 'sound-channels-change.ts')
    const fileKey = await fleet.stack.upload(path, { tenantId: 7, name: 'lecture.ts' })
    const jobId = await fleet.stack.sendJob({ tenantId: 7, videoId: 1, fileKey, profile: 'academy' })
    const outcome = await fleet.stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
    expect([outcome.kind, outcome.body.reason]).toEqual(['complete', undefined])
  } finally {
    await fleet.close()
  }
})

test('a beep belongs to the flash that is nearest to it, and to none far away', () => {
  const found = pairs([1, 3, 5], [1.02, 2.9, 6])
  expect(found.map((offset) => offset.toFixed(2))).toEqual(['0.02', '-0.10'])
})
