import { describe, expect, test } from '@jest/globals'
import { findGain, type Gain, loudnessFilters, parseLoudness } from '../../../worker/media/loudness.ts'
import { loadProfiles } from '../../../worker/media/profile.ts'

describe('the gain of a track', () => {
  /** A track of these figures whose limiter takes this many LU. */
  const track = (integrated: number, truePeak: number, taken = 0) => {
    const asked: (Gain | undefined)[] = []
    const measure = async (gain?: Gain) => {
      asked.push(gain)
      const lost = gain?.limited ? taken : 0
      return { integrated: integrated + (gain?.decibels ?? 0) - lost, truePeak }
    }
    return { asked, measure }
  }

  test('is the way to the target, found in one pass where the peaks have room', async () => {
    const { asked, measure } = track(-26, -13)
    expect(await findGain(-16, measure)).toEqual({ decibels: 10, limited: false })
    expect(asked).toEqual([undefined])
  })

  test('makes up for what a limiter takes, in three passes at most', async () => {
    const { asked, measure } = track(-26, -3, 2)
    expect(await findGain(-16, measure)).toEqual({ decibels: 12, limited: true })
    expect(asked).toEqual([undefined, { decibels: 10, limited: true }, { decibels: 12, limited: true }])
  })

  test('of silence is none', async () => {
    expect(await findGain(-16, async () => undefined)).toBeUndefined()
  })
})

test('the last figures of the meter count, silence has none', () => {
  const frame = (loudness: string, peak: string) => `lavfi.r128.I=${loudness}\nlavfi.r128.true_peak=${peak}\n`
  const found = parseLoudness(frame('-40.1', '0.010') + frame('-23.5', '0.500'))
  expect(found?.integrated).toBe(-23.5)
  expect(found?.truePeak).toBeCloseTo(-6, 1)
  expect(parseLoudness(frame('-70.000', '0.000'))).toBeUndefined()
  expect(parseLoudness('')).toBeUndefined()
})

test('a limiter stands at the peak that is allowed, at four times the rate', () => {
  expect(loudnessFilters({ decibels: -3.456, limited: false })).toEqual(['volume=-3.46dB'])
  expect(loudnessFilters({ decibels: 9, limited: true })).toEqual([
    ...['volume=9.00dB', 'aresample=192000', 'alimiter=limit=0.7943:level=0:latency=1', 'aresample=48000'],
  ])
})

test('a profile may ask for a loudness, or for none', () => {
  const loudnessOf = (loudness: unknown) =>
    loadProfiles(JSON.stringify({ p: { loudness } })).get('p')?.loudness
  expect([loudnessOf(-16), loudnessOf('off')]).toEqual([-16, 'off'])
  for (const wrong of [-3, 'loud', null])
    expect(() => loudnessOf(wrong)).toThrow(/p\.loudness: must be a number from/)
  expect(() => loadProfiles('{"p":{"surround":"7.1"}}')).toThrow(/p\.surround: one of off, keep/)
})
