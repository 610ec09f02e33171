import { describe, expect, test } from '@jest/globals'
import { planGrid, planSoundGrid } from '../../../worker/chunk/grid.ts'
import type { AudioManifest, ChunkManifest, Plan } from '../../../worker/chunk/ledger.ts'
import { checkDrift } from '../../../worker/job/drift.ts'
import { planLadder } from '../../../worker/media/ladder.ts'
import { defaultProfile } from '../../../worker/media/profile.ts'
import { factsOf, recordingOf } from '../media/facts.ts'

const video = factsOf()
const rate = { num: 25, den: 1 }
const film = {
  ...{ facts: video, profile: defaultProfile, ladder: planLadder(video, defaultProfile) },
  grid: planGrid({ rate, seconds: 60, segmentSeconds: 6, chunkSeconds: 30 }),
} as unknown as Plan
const recording = {
  ...{ facts: recordingOf(), profile: defaultProfile, ladder: [] },
  grid: planSoundGrid({ seconds: 60, segmentSeconds: 6 }),
} as unknown as Plan

const part = (lengths: number[], from = 0) => ({
  segments: lengths.map((seconds, at) => ({ number: from + at, uri: 's', seconds, bytes: 1 })),
})
const chunks = [0, 1].map((index) => ({
  ...{ index, tracks: { '1080p': part([6, 6, 6, 6, 6], 5 * index) } },
})) as unknown as ChunkManifest[]
const sound = (index: number, seconds: number) =>
  ({ index, track: part([30, seconds - 30]) }) as unknown as AudioManifest

describe('every track of sound', () => {
  test('is as long as the pictures, to two of its own frames and one of theirs', () => {
    for (const seconds of [59.93, 60, 60.04, 60.08])
      expect(() => checkDrift(film, chunks, [sound(0, 60), sound(1, seconds)])).not.toThrow()
    for (const seconds of [59.9, 60.1, 75])
      expect(() => checkDrift(film, chunks, [sound(0, 60), sound(1, seconds)])).toThrow(
        expect.objectContaining({
          code: 'output_invalid',
          message: expect.stringContaining('audio-1 lasts'),
        }),
      )
  })

  test('is as long as the others where there are no pictures', () => {
    expect(() => checkDrift(recording, [], [sound(0, 60)])).not.toThrow()
    expect(() => checkDrift(recording, [], [sound(0, 60), sound(1, 60.03)])).not.toThrow()
    expect(() => checkDrift(recording, [], [sound(0, 60), sound(1, 60.1)])).toThrow(/audio-0 lasts 60\.000 s/)
  })

  test('has all its segments', () => {
    const holey = { index: 0, track: part([30, 30], 1) } as unknown as AudioManifest
    expect(() => checkDrift(film, chunks, [holey])).toThrow('audio-0: segment 0 is missing')
  })
})
