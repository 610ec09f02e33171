import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Ways to make small videos that are unlike each other. Each list is ffmpeg's arguments but for the output. */
const picture = (size: string, rate: string | number, seconds: number) => [
  ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}:duration=${seconds}`],
]
const sound = (seconds: number, channels = 2) => [
  ...[
    '-f',
    'lavfi',
    '-i',
    `sine=frequency=440:sample_rate=48000:duration=${seconds}`,
    '-ac',
    String(channels),
  ],
]
const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p']

export const clips = {
  'plain.mp4': [...picture('640x360', 25, 8), ...sound(8), ...x264, '-c:a', 'aac', '-movflags', '+faststart'],
  'moov-at-end.mp4': [...picture('640x360', '30000/1001', 7), ...sound(7), ...x264, '-c:a', 'aac'],
  'portrait.mp4': [...picture('360x640', 30, 5), ...sound(5), ...x264, '-c:a', 'aac'],
  'silent.mp4': [...picture('480x270', 24, 5), ...x264],
  'film-rate.mkv': [...picture('640x272', '24000/1001', 7), ...sound(7, 1), ...x264, '-c:a', 'libmp3lame'],
  'browser.webm': [
    ...[
      ...picture('426x240', 30, 4),
      ...sound(4),
      '-c:v',
      'libvpx',
      '-deadline',
      'realtime',
      '-cpu-used',
      '8',
    ],
    ...['-c:a', 'libopus'],
  ],
  'broadcast.ts': [
    ...picture('720x576', 25, 5),
    ...sound(5),
    '-c:v',
    'mpeg2video',
    '-q:v',
    '4',
    '-c:a',
    'mp2',
  ],
  'surround.mp4': [...picture('640x360', 25, 5), ...sound(5, 6), ...x264, '-c:a', 'aac'],
  'tiny.avi': [...picture('160x120', 15, 4), ...sound(4), '-c:v', 'mpeg4', '-c:a', 'mp2'],
  'variable.mp4': [
    ...[...picture('640x360', 30, 6), ...sound(6), '-vf', "select='not(mod(n,3))+lt(n,60)'", '-vsync', 'vfr'],
    ...[...x264, '-c:a', 'aac'],
  ],
} as const satisfies Record<string, readonly string[]>

export type ClipName = keyof typeof clips

/** Makes one of the clips in a folder; resolves its path. */
export async function makeClip(dir: string, name: ClipName): Promise<string> {
  return await makeVideo(join(dir, name), clips[name])
}

/** Footage that keeps an encoder busy: 1080p noise on a moving picture. */
export async function makeLongClip(
  dir: string,
  seconds: number,
  size = '1280x720',
  crf = 30,
): Promise<string> {
  const input = [...picture(size, 30, seconds), ...sound(seconds)]
  return await makeVideo(join(dir, `long-${seconds}-${size}-${crf}.mp4`), [
    ...[
      ...input,
      '-vf',
      'noise=alls=12:allf=t',
      ...x264,
      '-crf',
      String(crf),
      '-c:a',
      'aac',
      '-movflags',
      '+faststart',
    ],
  ])
}

/** A second of 8K in which nothing happens: one picture of it is 50 MB to whoever decodes it. */
export async function makeHugeClip(dir: string): Promise<string> {
  const input = ['-f', 'lavfi', '-i', 'color=s=7680x4320:r=5:d=1']
  return await makeVideo(join(dir, 'huge.mp4'), [...input, ...x264, '-movflags', '+faststart'])
}

const bt709 = [
  '-colorspace',
  'bt709',
  '-color_primaries',
  'bt709',
  '-color_trc',
  'bt709',
  '-color_range',
  'tv',
]
const irregular = '0,1.5,3,5,5.5,8,10,11.9,14,16,17.2'

/**
 * Recordings as their top rendition would be: H.264 under the cap, with key frames here and there. `rate`: as ffmpeg
 * reads it; `rest`: what the clip is about.
 */
const conforming = {
  tagged: { size: '640x360', rate: '30', rest: bt709 },
  // The container's clock starts late, as it does after a cut without a new encode.
  'late start': { size: '640x360', rate: '24000/1001', rest: [...bt709, '-output_ts_offset', '0.5'] },
  // Rungs below have every other picture, and the cuts are at even ones.
  'sixty a second': { size: '854x480', rate: '60', rest: [...bt709, '-bf', '3'] },
  // Put right without a new encode: the container says it, the pictures say nothing, or something else.
  'tagged outside': {
    size: '640x360',
    rate: '30',
    rest: ['-bsf:v', 'h264_metadata=sample_aspect_ratio=4/3'],
  },
  // As of a recorded live stream: half a picture is no whole number of ticks.
  'in milliseconds': { size: '640x360', rate: '30', rest: [...bt709, '-video_track_timescale', '1000'] },
  'untagged HD': { size: '1280x720', rate: '25', rest: [] },
  'no reordering': { size: '640x360', rate: '30000/1001', rest: [...bt709, '-bf', '0'] },
  // Key frames that a decoder may begin at, and no IDR pictures: only the pictures themselves tell.
  'recovery points': {
    size: '640x360',
    rate: '30',
    rest: [...bt709, '-bf', '0', '-x264-params', 'intra-refresh=1'],
  },
} as const

export type ConformingKind = keyof typeof conforming
export const conformingSeconds = 19

/** Makes a source whose index says that its pictures can be copied. */
export async function makeConformingClip(dir: string, kind: ConformingKind = 'tagged'): Promise<string> {
  const { size, rate, rest } = conforming[kind]
  const keys = kind === 'recovery points' ? ['-g', '60'] : ['-force_key_frames', irregular]
  const path = join(dir, `conforming-${kind.replaceAll(' ', '-')}.mp4`)
  const encoded = kind === 'tagged outside' ? `${path}.mp4` : path
  await makeVideo(encoded, [
    ...[...picture(size, rate, conformingSeconds), ...sound(conformingSeconds)],
    ...['-c:v', 'libx264', '-preset', 'superfast', '-crf', '33', '-pix_fmt', 'yuv420p'],
    ...['-maxrate', '700k', '-bufsize', '700k', '-g', '150', '-sc_threshold', '0', ...keys, ...rest],
    ...['-c:a', 'aac', '-movflags', '+faststart'],
  ])
  return encoded === path
    ? path
    : await makeVideo(path, ['-i', encoded, '-c', 'copy', ...bt709, '-aspect', '16:9'])
}

async function makeVideo(path: string, args: readonly string[]): Promise<string> {
  await run('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args, '-shortest', path])
  return path
}

/**
 * A lecture with three tracks of sound, each of its own pitch: English in 5.1, French (the file's default) in stereo, and
 * one that says nothing but a title that is taken.
 */
export async function makeTracksClip(dir: string): Promise<string> {
  const tone = (hertz: number) => [
    '-f',
    'lavfi',
    '-i',
    `sine=frequency=${hertz}:sample_rate=48000:duration=9`,
  ]
  const about = (track: number, language: string, title: string) => [
    ...[`-metadata:s:a:${track}`, `language=${language}`, `-metadata:s:a:${track}`, `title=${title}`],
  ]
  return await makeVideo(join(dir, 'tracks.mkv'), [
    ...[...picture('640x360', 25, 9), ...tone(440), ...tone(880), ...tone(1760)],
    ...['-map', '0', '-map', '1', '-map', '2', '-map', '3', ...x264, '-c:a', 'aac'],
    ...[
      '-ac:a:0',
      '6',
      '-ac:a:1',
      '2',
      '-ac:a:2',
      '1',
      '-disposition:a:0',
      '0',
      '-disposition:a:1',
      'default',
    ],
    ...[
      '-disposition:a:2',
      '0',
      ...about(0, 'eng', 'Main'),
      ...about(1, 'fre', ''),
      ...about(2, 'und', 'Main'),
    ],
  ])
}

/** Ten seconds by its index, of which the last four are nothing but zeros: a disk that filled up, a broken upload. */
export async function makeHollowClip(dir: string): Promise<string> {
  const source = [...picture('320x180', 25, 10), ...sound(10), ...x264, '-g', '25', '-c:a', 'aac']
  const whole = await readFile(
    await makeVideo(join(dir, 'before.mp4'), [...source, '-movflags', '+faststart']),
  )
  const path = join(dir, 'hollow.mp4')
  await writeFile(path, whole.fill(0, Math.floor(whole.length * 0.6)))
  return path
}

/** Recordings, each a few seconds of its own pitch. */
export const recordings = {
  'cover.mp3': [
    // One picture that lasts as long as the sound, or the file would end with it.
    ...[...sound(7), ...picture('302x200', '1/9', 9), '-map', '0', '-map', '1', '-frames:v', '1'],
    ...['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-disposition:v', 'attached_pic'],
    ...['-id3v2_version', '3', '-c:a', 'libmp3lame'],
  ],
  // Neither tag nor length: what it is and how long shows in its frames alone.
  'bare.mp3': [...sound(5), '-write_xing', '0', '-id3v2_version', '0', '-c:a', 'libmp3lame', '-q:a', '4'],
  'voice.m4a': [...sound(5, 1), '-ar', '22050', '-c:a', 'aac'],
  'studio.wav': [...sound(3), '-ar', '96000', '-c:a', 'pcm_s24le'],
  'radio.ogg': [...sound(4), '-c:a', 'libvorbis'],
  'blip.flac': [...sound(0.02)],
} as const satisfies Record<string, readonly string[]>

export async function makeRecording(dir: string, name: keyof typeof recordings): Promise<string> {
  return await makeVideo(join(dir, name), recordings[name])
}

/** Files that are media and still no video. */
export async function makeBadClip(
  dir: string,
  name: 'subtitles.mkv' | 'still.png' | 'no-index.mp4',
): Promise<string> {
  const path = join(dir, name)
  if (name === 'subtitles.mkv') {
    await writeFile(`${path}.srt`, '1\n00:00:01,000 --> 00:00:02,000\nNobody is here.\n')
    return await makeVideo(path, ['-i', `${path}.srt`, '-c:s', 'srt'])
  }
  if (name === 'still.png') return await makeVideo(path, [...picture('320x240', 1, 1), '-frames:v', '1'])
  const whole = await readFile(
    await makeVideo(join(dir, 'whole.mp4'), [...picture('320x240', 25, 2), ...x264]),
  )
  // The index stands at the end of such a file: an upload that broke off has none.
  await writeFile(path, whole.subarray(0, Math.floor(whole.length / 2)))
  return path
}
