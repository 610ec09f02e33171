import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { parseManifest } from '../corpus/manifest.ts'
import { runCorpus } from '../corpus/run.ts'
import type { Row } from '../corpus/table.ts'
import { makeClip } from './clips.ts'

// What `npm run corpus` says of a folder: files that are as the manifest wants, and some that are not.
const want = { display_size: '640x360', video_s: 8, has_audio: true, frames_decoded: 200 }
const manifest = [
  { file: 'plain.mp4', expect: 'ok', want, upload_name: "clip'; $HOME.mp4" },
  { file: 'wanted-otherwise.mp4', expect: 'ok', want: { ...want, video_s: 20, has_audio: false } },
  { file: 'not-refused.mp4', expect: 'reject' },
  { file: 'gen-evil-playlist.mp4', expect: 'reject' },
]
let dir: string
let rows: Row[]

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'corpus-test-'))
  const clip = await makeClip(dir, 'plain.mp4')
  for (const name of ['wanted-otherwise.mp4', 'not-refused.mp4']) await copyFile(clip, join(dir, name))
  const playlist = "#EXTM3U\n#EXTINF:4,\nsecret.txt\n#EXTINF:4,\nfile '/etc/passwd'\n#EXT-X-ENDLIST\n"
  await writeFile(join(dir, 'gen-evil-playlist.mp4'), playlist)
  const entries = parseManifest(JSON.stringify(manifest))
  const signal = AbortSignal.timeout(200_000)
  rows = await runCorpus({
    ...{ dir, entries, signal, keep: join(dir, 'kept') },
    onRow: () => {},
    say: () => {},
  })
})
afterAll(() => rm(dir, { recursive: true, force: true }))

test('what came out as wanted is right', () => {
  expect(rows[0]).toMatchObject({ verdict: 'ok', right: true, problems: [], checks: 7 })
  expect(rows[0]?.measured).toMatchObject({ width: 640, height: 360, frames: 200, audio: true })
})

test('what did not is wrong, and says why', () => {
  expect(rows[1]?.problems.join('; ')).toMatch(/has sound.*lasts 8\.0.* wanted 20/)
  expect(rows[2]?.problems).toEqual(['ended as ok, the manifest wants reject'])
  expect(rows.map((row) => row.right)).toEqual([true, false, false, true])
})

test('a hostile file is refused with a code, and touches nothing', () => {
  expect(rows[3]).toMatchObject({ verdict: 'reject', code: 'input_playlist', checks: 4 })
})

test('each ffmpeg’s memory was seen, where /proc tells', () => {
  const seen = process.platform === 'linux'
  expect(rows[0]!.peakMb > 10).toBe(seen)
})

test('the outputs are kept', async () => {
  expect(await readdir(join(dir, 'kept/plain.mp4'))).toContain('master.m3u8')
})
