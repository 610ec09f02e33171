import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { execa } from 'execa'
import { keepOutput } from '../local/summary.ts'
import { makeRecording, type recordings } from './clips.ts'
import { type Fleet, openFleet } from './harness.ts'
import { readTree } from './tree.ts'

// Sound without pictures becomes an HLS of sound alone, by the same way as any video.
const tenantId = 11

let fleet: Fleet
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
})
afterEach(() => fleet.stopWorkers())
afterAll(() => fleet?.close())

async function send(name: keyof typeof recordings, profile?: string) {
  videoId += 1
  const file = await makeRecording(fleet.dir, name)
  const fileKey = await fleet.stack.upload(file, { tenantId, name })
  return {
    jobId: await fleet.stack.sendJob({ tenantId, videoId, fileKey, ...(profile ? { profile } : {}) }),
    videoId,
  }
}

async function result({ jobId }: { jobId: string }) {
  const { stack, dir, signal } = fleet
  const outcome = await stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect([outcome.kind, outcome.body.reason]).toEqual(['complete', undefined])
  const key = String(outcome.body.hls_path)
  await fleet.until('the ledger is gone', async () => {
    for await (const _ of stack.storage.list(`${key.replace('master.m3u8', '')}.work/`, signal)) return false
    return true
  })
  const { missing, unreferenced } = await readTree(stack.storage, key, signal)
  expect({ missing, unreferenced }).toEqual({ missing: [], unreferenced: [] })
  const kept = join(dir, `kept-${jobId}`)
  await keepOutput(stack.storage, key, kept, signal)
  const master = (await stack.storage.getText(key, signal))!
  return { body: outcome.body, master, kept, files: (await readdir(kept)).sort() }
}

/** Seconds that the output decodes to, and its loudest sample in dB. */
async function heard(kept: string): Promise<{ seconds: number; peak: number }> {
  const find = ['-af', 'volumedetect', '-f', 's16le', '-ac', '1', '-ar', '48000', '-']
  const { stdout, stderr } = await execa(
    'ffmpeg',
    ['-v', 'info', '-nostats', '-i', join(kept, 'master.m3u8'), ...find],
    { encoding: 'buffer' },
  )
  const peak = Number(/max_volume: (\S+) dB/.exec(Buffer.from(stderr).toString())?.[1])
  return { seconds: stdout.length / 2 / 48_000, peak }
}

describe('a recording', () => {
  test.each([
    ['cover.mp3', 7],
    ['bare.mp3', 5],
    ['voice.m4a', 5],
    ['studio.wav', 3],
    ['radio.ogg', 4],
    ['blip.flac', 0.02],
  ] as const)('%s is heard in full', async (name, seconds) => {
    fleet.start(`recorder-${name}`)
    const { body, master, kept, files } = await result(await send(name))
    const variants = master.split('\n').filter((line) => line.startsWith('#EXT-X-STREAM-INF'))
    expect(variants).toEqual([
      expect.stringMatching(
        /^#EXT-X-STREAM-INF:BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,CODECS="mp4a\.40\.2",AUDIO="audio"$/,
      ),
    ])
    const cover = name === 'cover.mp3'
    expect(files).toEqual(['audio-0', 'master.m3u8', ...(cover ? ['poster.jpg'] : [])])
    expect(body).toMatchObject({ duration: Math.max(1, Math.round(seconds)), renditions: [] })
    expect(body.source).toMatchObject({ width: 0, height: 0, frame_rate: 0, audio_tracks: 1 })
    expect(body.thumbnail_path).toEqual(cover ? expect.stringMatching(/\/poster\.jpg$/) : undefined)
    expect('storyboard_path' in body).toBe(false)
    const output = await heard(kept)
    // What an encoder of MP3 adds at both ends, or a last frame of AAC.
    expect(Math.abs(output.seconds - seconds)).toBeLessThan(0.08)
    expect(output.peak).toBeGreaterThan(-22)
  })

  test('is as loud as its profile says', async () => {
    const file = join(fleet.dir, 'profiles.json')
    await writeFile(file, JSON.stringify({ even: { loudness: -24 } }))
    fleet.start('even', { PROFILES_FILE: file })
    const { kept } = await result(await send('studio.wav', 'even'))
    const meter = ['-nostats', '-i', join(kept, 'master.m3u8'), '-af', 'ebur128=framelog=verbose']
    const { stderr } = await execa('ffmpeg', [...meter, '-f', 'null', '-'])
    expect(Number(/I:\s+(-[\d.]+) LUFS/.exec(stderr.slice(stderr.lastIndexOf('Summary')))?.[1])).toBeCloseTo(
      -24,
      0,
    )
  })

  test('has its cover, upright and not enlarged, as its poster', async () => {
    fleet.start('cover')
    const { kept } = await result(await send('cover.mp3'))
    const args = ['-v', 'error', '-show_entries', 'stream=codec_name,width,height', '-of', 'csv=p=0']
    const { stdout } = await execa('ffprobe', [...args, join(kept, 'poster.jpg')])
    expect(stdout.trim()).toBe('mjpeg,302,200')
  })

  test('is shared like any job where all are, and its progress is told', async () => {
    fleet.start('sharing', { FANOUT: 'always' })
    const job = await send('cover.mp3')
    expect((await result(job)).files).toContain('poster.jpg')
    await fleet.until('progress is done', async () => {
      const progress = await fleet.stack.redisClient.get(`tenant:${tenantId}:video:${job.videoId}:progress`)
      return progress !== null && JSON.parse(progress).percent === 100
    })
  })
})

test('a worker that dies behind the sound leaves it to the next one', async () => {
  const first = fleet.start('dying')
  // The master cannot be written: everything else is there when the worker dies.
  const fault = fleet.stack.s3.faults.failNext(
    { operation: 'PutObject', key: /master\.m3u8$/ },
    { status: 500, times: Number.POSITIVE_INFINITY },
  )
  const job = await send('voice.m4a')
  await first.logged((line) => line.stage === 'verify')
  first.kill('SIGKILL')
  fault.remove()
  const second = fleet.start('heir')
  await result(job)
  expect(second.text()).not.toContain('"what":"audio"')
})
