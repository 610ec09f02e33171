import { describe, expect, test } from '@jest/globals'
import { planSoundGrid } from '../../../worker/chunk/grid.ts'
import { type AudioRendition, masterPlaylist } from '../../../worker/media/playlist.ts'
import { planSounds, soundKbps } from '../../../worker/media/sounds.ts'
import { framesToSeconds } from '../../../worker/media/timeline.ts'
import { factsOf, soundOf } from './facts.ts'

describe('the sounds of a job', () => {
  const facts = factsOf({}, { audio: [soundOf({ channels: 8 }), soundOf(), soundOf({ channels: 6 })] })
  const list = (surround?: 'off' | 'keep') =>
    planSounds(facts, surround ? { surround } : {}).map(({ position, channels }) => `${position}:${channels}`)

  test('are each track in stereo, so that a plan without the word reads as before', () => {
    expect(list()).toEqual(['0:2', '1:2', '2:2'])
    expect(list('off')).toEqual(list())
  })

  test('and behind them those with 5.1, where it is kept', () => {
    expect(list('keep')).toEqual(['0:2', '1:2', '2:2', '0:6', '2:6'])
  })

  test('have 320 kbit/s in 5.1, whatever stereo has', () => {
    const rates = planSounds(facts, { surround: 'keep' }).map((sound) => soundKbps(sound, { audioKbps: 96 }))
    expect(rates).toEqual([96, 96, 96, 320, 320])
  })
})

test('the grid of sound alone has segments of whole AAC frames, near their length, and no chunks', () => {
  const grid = planSoundGrid({ seconds: 120, segmentSeconds: 6 })
  expect(grid.chunks).toEqual([])
  expect(framesToSeconds(1, grid.rate)).toBe(1024 / 48_000)
  expect(framesToSeconds(grid.segmentFrames, grid.rate)).toBeCloseTo(6, 1)
})

describe('a master', () => {
  const rendition = (uri: string, rest: Partial<AudioRendition> = {}): AudioRendition => ({
    ...{ uri, codec: 'mp4a.40.2', language: 'en', name: 'Main', channels: 2, isDefault: true },
    segments: [{ number: 0, uri: 's', seconds: 6, bytes: rest.channels === 6 ? 240_000 : 96_000 }],
    ...rest,
  })

  test('of sound alone has a variant without picture, at the address of its main track', () => {
    const second = rendition('audio-1/index.m3u8', { name: 'Other', isDefault: false })
    const audio = [second, rendition('audio-0/index.m3u8')]
    expect(masterPlaylist({ variants: [], audio, target: 6 })).toBe(
      [
        ...['#EXTM3U', '#EXT-X-VERSION:6', '#EXT-X-INDEPENDENT-SEGMENTS'],
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Other",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",URI="audio-1/index.m3u8"',
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Main",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio-0/index.m3u8"',
        '#EXT-X-STREAM-INF:BANDWIDTH=128000,AVERAGE-BANDWIDTH=128000,CODECS="mp4a.40.2",AUDIO="audio"',
        ...['audio-0/index.m3u8', ''],
      ].join('\n'),
    )
  })

  test('with 5.1 counts its bits in the variants that are heard with it, and in no others', () => {
    const wide = rendition('audio-1/index.m3u8', { channels: 6 })
    const text = masterPlaylist({ variants: [], audio: [rendition('audio-0/index.m3u8'), wide], target: 6 })
    expect(text.match(/BANDWIDTH=\d+,.*AUDIO="\w+"\n.*/g)).toEqual([
      'BANDWIDTH=128000,AVERAGE-BANDWIDTH=128000,CODECS="mp4a.40.2",AUDIO="audio"\naudio-0/index.m3u8',
      'BANDWIDTH=320000,AVERAGE-BANDWIDTH=320000,CODECS="mp4a.40.2",AUDIO="surround"\naudio-1/index.m3u8',
    ])
  })
})
