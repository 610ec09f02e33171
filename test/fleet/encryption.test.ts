import { createDecipheriv } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { execa } from 'execa'
import { haveCorpus, judgeOutput } from '../integration/media/tools.ts'
import { keepOutput } from '../local/summary.ts'
import { clipSeconds, makeSmallClip } from './codec-clips.ts'
import { type Fleet, openFleet } from './harness.ts'
import { readTree } from './tree.ts'

// AES-128 with a key of the API: every segment, and the key nowhere but in memory. Chunks of four seconds.
const tenantId = 15
const rungs = [
  { shortSide: 180, crf: 30, maxrateKbps: 400 },
  { shortSide: 108, crf: 30, maxrateKbps: 200 },
]
const profiles = { locked: { rungs, encryption: 'aes-128' } }

let fleet: Fleet
let clip: string
let shared: Record<string, string>
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
  clip = await makeSmallClip(fleet.dir)
  const file = join(fleet.dir, 'profiles.json')
  await writeFile(file, JSON.stringify(profiles))
  // Ranges are asked for, and not made of what is encrypted.
  const chunked = { CHUNK_SECONDS: '4', HLS_TIME_SECONDS: '2', PASSTHROUGH: 'never' }
  shared = { ...chunked, FANOUT: 'always', SEGMENT_STORAGE: 'byterange', PROFILES_FILE: file }
})
afterEach(() => fleet.stopWorkers())
afterAll(() => fleet?.close())

async function send() {
  videoId += 1
  const { stack, signal } = fleet
  const fileKey = await stack.upload(clip, { tenantId, name: 'a.mp4' })
  const subtitles = '1\n00:00:01,000 --> 00:00:03,000\nNobody else may read this.\n'
  await stack.storage.put(fileKey.replace('.mp4', '.en.srt'), subtitles, {
    contentType: 'text/plain',
    signal,
  })
  return stack.sendJob({ tenantId, videoId, fileKey, profile: 'locked' })
}

/** Everything that the fleet stores or says of a job, as one text of bytes. */
async function allThatIsKept(): Promise<string> {
  const { stack, dir, signal } = fleet
  const pieces: Buffer[] = []
  for await (const { key, bytes } of stack.storage.list('', signal))
    if (bytes > 0) pieces.push(await stack.storage.getRange(key, { start: 0, end: bytes - 1 }, { signal }))
  for (const name of await stack.redisClient.keys('*')) {
    const type = await stack.redisClient.type(name)
    const read = { hash: 'hgetall', set: 'smembers', string: 'get' } as const
    const value = await stack.redisClient[read[type as keyof typeof read]](name)
    pieces.push(Buffer.from(JSON.stringify(value)))
  }
  for (const name of readdirSync(dir)) if (name.endsWith('.log')) pieces.push(readFileSync(join(dir, name)))
  return Buffer.concat(pieces).toString('latin1')
}

function spellings(key: Buffer): string[] {
  const texts = [key.toString('base64'), key.toString('base64url'), key.toString('hex')]
  return [...texts, key.toString('hex').toUpperCase(), key.toString('latin1'), [...key].join(',')]
}

async function published(jobId: string): Promise<string> {
  const { kind, body } = await fleet.stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect([kind, body.reason]).toEqual(['complete', undefined])
  return String(body.hls_path)
}

/** Opens a kept tree: its segments decrypted, its playlists without keys, as a player sees them. Says how many. */
function unlock(folder: string, key: Buffer): number {
  let opened = 0
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.name !== 'index.m3u8') continue
    const path = join(entry.parentPath, entry.name)
    const playlist = readFileSync(path, 'utf8')
    expect(playlist).toMatch(/#EXT-X-KEY:METHOD=AES-128,URI="http[^"]+"\n#EXTINF/)
    const segments = playlist.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    segments.forEach((uri, sequence) => {
      const iv = Buffer.alloc(16)
      iv.writeUInt32BE(sequence, 12)
      const decipher = createDecipheriv('aes-128-cbc', key, iv)
      const file = join(entry.parentPath, uri)
      writeFileSync(file, Buffer.concat([decipher.update(readFileSync(file)), decipher.final()]))
      opened += 1
    })
    writeFileSync(path, playlist.replace(/#EXT-X-KEY.*\n/, ''))
  }
  return opened
}

test('every part fetches the key, which is written nowhere, and the whole plays', async () => {
  const { stack, dir, signal } = fleet
  const planner = fleet.start('planner', shared)
  const jobId = await send()
  await planner.logged((line) => line.msg === 'parts sent to the fleet')
  const status = await (await fetch(`${await planner.address()}/status`)).text()
  await planner.stop()
  // With the ledger there.
  const key = Buffer.from(stack.api.rows.keyOf(jobId)!, 'base64')
  const planned = await allThatIsKept()
  expect(planned).toContain('"encryption":{"method":"aes-128"')
  fleet.start('left', shared)
  fleet.start('right', shared)
  const master = await published(jobId)
  await fleet.until('the ledger is gone', async () => {
    for await (const _ of stack.storage.list(master.replace(/[^/]+$/, '.work/'), signal)) return false
    return true
  })
  const kept = await allThatIsKept()
  for (const spelled of spellings(key))
    for (const place of [status, planned, kept]) expect(place.includes(spelled)).toBe(false)
  // By the planner, the chunks, the sound, the text and the join.
  const asked = stack.api.calls.filter((call) => call.name === 'key' && call.jobId === jobId)
  expect(asked.length).toBeGreaterThanOrEqual(6)

  const address = `${stack.s3.endpoint}/${stack.s3.bucket}/${master}`
  const count = ['-v', 'error', '-protocol_whitelist', 'http,tcp,crypto', '-count_frames', '-of', 'json']
  const show = ['-show_entries', 'stream=codec_type,nb_read_frames', address]
  const { stdout, stderr } = await execa('ffprobe', [...count, ...show])
  expect(stderr).toBe('')
  const streams = (JSON.parse(stdout) as { streams: { codec_type: string; nb_read_frames: string }[] })
    .streams
  const pictures = streams.filter(({ codec_type }) => codec_type === 'video')
  expect(pictures.map((each) => each.nb_read_frames)).toEqual(Array(2).fill(String(clipSeconds * 25)))

  const tree = await readTree(stack.storage, master, signal)
  expect([tree.missing, tree.unreferenced]).toEqual([[], []])
  const folder = join(dir, 'kept')
  await keepOutput(stack.storage, master, folder, signal)
  const locked = readFileSync(join(folder, 'text-0/seg-00000.vtt')).toString()
  expect(locked).not.toContain('WEBVTT')
  // Two renditions and the sound in four segments, and the subtitles.
  expect(unlock(folder, key)).toBe(3 * 4 + 1)
  expect(readFileSync(join(folder, 'text-0/seg-00000.vtt'), 'utf8')).toContain('Nobody else may read this.')
  if (haveCorpus) expect(await judgeOutput(join(folder, 'master.m3u8'), clip)).toEqual([])
})

test('a key that was replaced meanwhile starts the video over, and the parts that come know it', async () => {
  const { stack } = fleet
  const planner = fleet.start('first-planner', shared)
  const jobId = await send()
  await planner.logged((line) => line.msg === 'parts sent to the fleet')
  await planner.stop()
  stack.api.rows.forgetKey(jobId)
  const heir = fleet.start('heir', shared)
  const master = await published(jobId)
  expect(heir.log().map((line) => line.msg)).toContain('the key of the video was replaced: starting over')
  const address = `${stack.s3.endpoint}/${stack.s3.bucket}/${master}`
  const decode = ['-v', 'error', '-nostdin', '-protocol_whitelist', 'http,tcp,crypto', '-i', address]
  expect((await execa('ffmpeg', [...decode, '-f', 'null', '-'])).stderr).toBe('')
})

test('a video without a key is not encoded: the job fails with the reason', async () => {
  fleet.stack.api.faults.failNext({ operation: 'key' }, { status: 404, times: 9 })
  fleet.start('keyless', { ...shared, VIDEO_JOB_MAX_ATTEMPTS: '1' })
  const jobId = await send()
  const { kind, body } = await fleet.stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect([kind, body.code]).toEqual(['fail', 'key_unavailable'])
  fleet.stack.api.faults.clear()
})

test('a film of the catalogue has a key of the catalogue', async () => {
  const { stack, dir, signal } = fleet
  const file = join(dir, 'films.json')
  await writeFile(file, JSON.stringify({ default: profiles.locked }))
  const worker = fleet.start('films', { ...shared, FANOUT: 'never', PROFILES_FILE: file })
  await stack.storage.putFile('videos/42_film.mp4', clip, { contentType: 'video/mp4', signal })
  await worker.logged((line) => line.msg === 'job settled' && line.outcome === 'done')
  const [asked] = stack.api.calls.filter((call) => call.name === 'content-key')
  const playlist = await stack.storage.getText(`hls/42/${asked!.jobId}/180p/index.m3u8`, signal)
  expect(playlist).toContain(`/video-keys/${asked!.jobId}"`)
})
