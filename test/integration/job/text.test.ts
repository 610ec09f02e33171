import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { WorkerError } from '../../../shared/errors.ts'
import type { Plan } from '../../../worker/chunk/ledger.ts'
import { readText } from '../../../worker/chunk/text-ledger.ts'
import type { EncodeContext } from '../../../worker/job/encode.ts'
import { findSidecars, sourceKeys } from '../../../worker/job/sidecars.ts'
import { makeText, textPart } from '../../../worker/job/text.ts'
import { createUploader } from '../../../worker/job/upload.ts'
import { FileStorage } from '../../unit/job/file-storage.ts'
import { factsOf } from '../../unit/media/facts.ts'

// What can go wrong with subtitles, against a bucket in a folder and programs that stand for ffmpeg.
const folder = 'tenants/1/video/hls/7/job/'
const sourceKey = 'tenants/1/video/raw/s/lecture.mp4'
const good = '1\n00:00:01,000 --> 00:00:02,000\nfine\n'

let dir: string
let storage: FileStorage
let controller: AbortController
let logged: unknown[]
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'text-test-'))
  await mkdir(join(dir, 'bucket'))
  storage = new FileStorage(join(dir, 'bucket'))
  controller = new AbortController()
  logged = []
})
afterEach(() => rm(dir, { recursive: true, force: true }))

async function program(script: string): Promise<string> {
  const path = join(dir, 'program')
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
  return path
}

const put = (name: string, body: string | Buffer) =>
  storage.put(sourceKey.replace('mp4', name), body, { contentType: 'text/plain', signal: controller.signal })

async function context(input: { tracks?: number[]; bin?: string; failure?: WorkerError } = {}) {
  const { tracks = [], bin = 'false', failure } = input
  const subtitles = tracks.map((index) => ({ index, codec: 'subrip', language: 'en', title: '' }))
  const sidecars = await findSidecars(sourceKey, storage, controller.signal)
  const plan = { facts: factsOf({}, { subtitles, seconds: 90 }), sidecars, series: '' } as unknown as Plan
  const log = (fields: unknown) => logged.push(fields)
  return {
    ...{ plan, folder, dir, signal: controller.signal },
    uploader: createUploader(storage, { concurrency: 2, signal: controller.signal }),
    source: { url: 'http://127.0.0.1:9/x', stats: () => ({ servedBytes: 0 }), failure: () => failure },
    host: { workerId: 'test', path: process.env.PATH ?? '', setpriv: false, prlimit: false, nice: false },
    config: {
      ffmpeg: { bin, threads: 1, memoryLimitMb: 0, nice: 0 },
      ...{ stall: { encodeSeconds: 2 }, limits: { maxPixels: 1 } },
    },
    logger: { info: log, warn: log, debug: () => {} },
    onBytesMoved: () => {},
  } as unknown as EncodeContext
}

test('a broken track takes no other along, and fails nothing', async () => {
  const bin = await program(
    `case "$*" in *track-3*) echo 'Invalid data found when processing input' >&2; exit 1;; esac
    for last; do :; done
    printf '1\\n01:00:01,000 --> 01:00:02,000\\nfine\\n' > "$last"`,
  )
  const made = await makeText(await context({ tracks: [2, 3, 4], bin }), storage)
  expect(made?.tracks).toMatchObject([
    { from: 'track 2', folder: 'text-0', cues: 1, segments: [{ seconds: 60 }, { seconds: 30 }] },
    { from: 'track 4', folder: 'text-1' },
  ])
  expect(made?.skipped).toMatchObject([{ from: 'track 3', codec: 'subrip', language: 'en' }])
  expect(await storage.getText(`${folder}text-1/seg-00000.vtt`)).toContain(
    '00:00:01.000 --> 00:00:02.000\nfine',
  )
})

test('a run that reads nothing more is ended, and its track is skipped', async () => {
  const bin = await program('exec sleep 600')
  const made = await makeText(await context({ tracks: [2], bin }), storage)
  expect(made).toMatchObject({
    tracks: [],
    skipped: [{ from: 'track 2', reason: 'the text run read nothing for 2 s' }],
  })
})

test('a source that cannot be read is no fault of the subtitles: the job comes again', async () => {
  const failure = new WorkerError('storage_unavailable', 'the bucket is away')
  const bin = await program('exit 0')
  await expect(makeText(await context({ tracks: [2], bin, failure }), storage)).rejects.toBe(failure)
})

test('files beside the source: good ones are made, the others listed with their reason', async () => {
  await put('en.srt', good)
  await put('de.srt', '')
  await put('fr.vtt', Buffer.alloc(5 * 2 ** 20, 'x'))
  await put('it.srt', Buffer.from([0, 1, 2, 255, 254, 3, 0, 0]))
  await put('es.srt', good.replaceAll('00:00:0', '05:00:0'))
  const encoding = await context()
  await put('nl.srt', good)
  await put('da.srt', good)
  const changed = { ...encoding, plan: { ...encoding.plan, sidecars: (await context()).plan.sidecars! } }
  await put('da.srt', `${good}\nnew`)
  await rm(join(dir, 'bucket', sourceKey.replace('mp4', 'nl.srt')))
  const made = await makeText(changed, storage)
  expect(made?.tracks.map(({ from }) => from)).toEqual(['lecture.en.srt'])
  const reasons = new Map(made?.skipped.map(({ from, reason }) => [from, reason]))
  expect(Object.fromEntries(reasons)).toEqual({
    'lecture.da.srt': expect.stringContaining('was replaced'),
    'lecture.de.srt': 'it is empty',
    'lecture.es.srt': 'none of its lines lies in the video',
    'lecture.fr.vtt': 'it has 5242880 bytes, the limit is 4194304',
    'lecture.it.srt': 'it has no lines that can be read',
    'lecture.nl.srt': expect.stringContaining('There is no'),
  })
})

test('a bucket that is away costs no subtitles', async () => {
  await put('en.srt', good)
  const encoding = await context()
  storage.before = ({ name }) => {
    if (name === 'getRange') throw new WorkerError('storage_unavailable', 'away')
  }
  await expect(makeText(encoding, storage)).rejects.toMatchObject({ code: 'storage_unavailable' })
})

test('what is in the ledger is not made again, unless a file of it is missing', async () => {
  await put('en.srt', good)
  const encoding = await context()
  const made = await textPart(encoding, storage, new Map())
  const present = new Map(made!.tracks[0]!.segments.map(({ uri, bytes }) => [`text-0/${uri}`, bytes]))
  const look = (there: Map<string, number>) =>
    readText(storage, folder, encoding.plan, there, controller.signal)
  expect(await look(present)).toEqual(made)
  expect(await look(new Map())).toBeUndefined()
  const before = storage.calls.length
  expect(await textPart(encoding, storage, present)).toEqual(made)
  expect(storage.calls.length).toBe(before)
})

test('a job without subtitles has no such part', async () => {
  expect(await makeText(await context(), storage)).toBeUndefined()
  expect(storage.calls).toEqual([])
})

test('what belongs to a source is found beside it, and nothing else', async () => {
  await Promise.all([put('en.srt', good), put('txt', 'x'), put('part2.mp4', 'x'), put('part2.en.srt', good)])
  const keys = await sourceKeys(sourceKey, storage, controller.signal)
  expect(keys).toEqual([sourceKey, sourceKey.replace('mp4', 'en.srt')])
  expect(await sourceKeys('', storage, controller.signal)).toEqual([])
})
