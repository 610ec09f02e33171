import { describe, expect, test } from '@jest/globals'
import type { Plan } from '../../../worker/chunk/ledger.ts'
import { missingParts, partsOf } from '../../../worker/chunk/parts.ts'
import type { Sidecar, TextManifest } from '../../../worker/chunk/text-ledger.ts'
import { checkTextPresent, describeText, fittedText, textStraysIn } from '../../../worker/job/text-publish.ts'
import { defaultProfile } from '../../../worker/media/profile.ts'
import { factsOf } from '../media/facts.ts'

const subtitles = ['mov_text', 'dvd_subtitle'].map((codec, index) => ({
  index,
  codec,
  language: 'en',
  title: '',
}))
const sidecar = { key: 'a.srt', bytes: 9, etag: 'x', format: 'srt', language: 'de', title: '' } as Sidecar

function planOf(changes: Partial<Plan> = {}, facts = factsOf({}, { subtitles })): Plan {
  return {
    facts,
    profile: defaultProfile,
    sidecars: [],
    series: '',
    grid: { chunks: [{ index: 0 }] },
    ...changes,
  } as Plan
}

function manifestOf(...lengths: number[]): TextManifest {
  const segments = lengths.map((seconds, n) => ({ uri: `seg-${n}.vtt`, seconds, bytes: 10 + n }))
  return {
    ...{
      version: 1,
      encodeSeconds: 1,
      skipped: [{ from: 'x.srt', codec: 'srt', language: 'und', reason: 'empty' }],
    },
    tracks: [
      {
        ...{ folder: 'text-0', from: 'track 0', language: 'en', title: '', isDefault: false, forced: false },
        ...{ forDeaf: false, cues: 3, bad: 1, segments },
      },
    ],
  }
}

describe('subtitles as a part of a job', () => {
  const types = (plan: Plan) => partsOf(plan).map(({ type }) => type)

  test('are one part when a track or a file beside the source is text', () => {
    expect(types(planOf())).toEqual(['chunk', 'audio', 'text'])
    expect(types(planOf({ sidecars: [sidecar] }, factsOf()))).toEqual(['chunk', 'audio', 'text'])
    expect(types(planOf({}, factsOf({}, { subtitles: [subtitles[1]!] })))).toEqual(['chunk', 'audio'])
    expect(missingParts(planOf(), new Map([['.work/text.json', 5]]))).toHaveLength(2)
    expect(missingParts(planOf({ series: 'copy-' }), new Map([['.work/text.json', 5]]))).toHaveLength(3)
  })

  test('are none in the plan of a worker that knew nothing of them', () => {
    const { sidecars: _, ...old } = planOf()
    expect(types(old as Plan)).toEqual(['chunk', 'audio'])
  })
})

describe('subtitles at the end of a job', () => {
  const present = new Map([
    ['text-0/seg-0.vtt', 10],
    ['text-0/seg-1.vtt', 11],
  ])

  test('end with the video, wherever it really ends', () => {
    const lengths = (seconds: number, ...planned: number[]) =>
      fittedText(manifestOf(...planned), seconds)[0]!.segments.map((segment) => segment.seconds)
    expect(lengths(70, 60, 10.02)).toEqual([60, 10])
    expect(lengths(70.5, 60, 10)).toEqual([60, 10.5])
    expect(lengths(50, 60, 10)).toEqual([50])
    expect(lengths(60, 60, 0.01)).toEqual([60])
    expect(fittedText(undefined, 60)).toEqual([])
  })

  test('must all be in the bucket, in their sizes', () => {
    expect(() => checkTextPresent(manifestOf(60, 10), present)).not.toThrow()
    expect(() => checkTextPresent(undefined, new Map())).not.toThrow()
    const refused = expect.objectContaining({ code: 'output_displaced' })
    expect(() => checkTextPresent(manifestOf(60, 10, 5), present)).toThrow(refused)
    expect(() => checkTextPresent(manifestOf(60), new Map([['text-0/seg-0.vtt', 9]]))).toThrow(refused)
  })

  test('leave nothing behind that no playlist names', () => {
    const others = [...present, ['storyboard.vtt', 1], ['text-1/seg-0.vtt', 1]] as [string, number][]
    expect(textStraysIn(new Map(others), fittedText(manifestOf(60, 10), 50))).toEqual([
      'text-0/seg-1.vtt',
      'text-1/seg-0.vtt',
    ])
  })

  test('are told with what was skipped, and only where there is something to tell', () => {
    const plan = planOf({}, factsOf({}, { subtitles, chapters: [{ start: 0, end: 1, title: 'x' }] }))
    expect(describeText(plan, manifestOf(60))).toEqual({
      subtitles: [{ from: 'track 0', language: 'en', forced: false, lines: 3, bad_lines: 1 }],
      subtitles_skipped: [
        {
          ...{ from: 'track 1', codec: 'dvd_subtitle', language: 'en' },
          reason: 'its subtitles are pictures (dvd_subtitle)',
        },
        { from: 'x.srt', codec: 'srt', language: 'und', reason: 'empty' },
      ],
      chapters: 1,
    })
    expect(describeText(planOf({}, factsOf()), undefined)).toEqual({})
  })
})
