import { describe, expect, test } from '@jest/globals'
import { posterSizesArgs } from '../../../worker/media/args-poster-sizes.ts'
import { previewArgs, previewCuts } from '../../../worker/media/args-preview.ts'
import { factsOf } from './facts.ts'

describe('the cuts of a preview', () => {
  test('are four, between the first and the last tenth', () => {
    expect(previewCuts({ facts: factsOf({}, { seconds: 100 }), seconds: 8 })).toEqual({
      ...{ starts: [10, 36, 62, 88], seconds: 2 },
    })
  })

  test.each([
    ['the video is short', factsOf({}, { seconds: 20 }), 8, 8],
    ['the clip is as long as the video', factsOf({}, { seconds: 5 }), 8, 5],
    ['they would flicker', factsOf({}, { seconds: 100 }), 1.6, 1.6],
    ['there is no seeking', factsOf({}, { seconds: 100, seek: { mode: 'none', marginSeconds: 0 } }), 8, 8],
  ])('are one piece from the start when %s', (_why, facts, seconds, length) => {
    expect(previewCuts({ facts, seconds })).toEqual({ starts: [0], seconds: length })
  })
})

test('a preview is small, silent and half as fast as a fast video', () => {
  const facts = factsOf({ rate: { num: 60, den: 1 } }, { seconds: 100 })
  const rest = { url: 'http://127.0.0.1/x', threads: 1, maxPixels: 1e7, path: 'preview.mp4' }
  const args = previewArgs({ facts, seconds: 8, rate: facts.video.rate, ...rest })
  const graph = args[args.indexOf('-filter_complex') + 1]!
  expect(graph.match(/fps=30\/1/g)).toHaveLength(4)
  expect(graph.match(/=640:360:/g)).toHaveLength(4)
  expect(graph).toMatch(/concat=n=4:v=1:a=0\[out\]$/)
  expect(args.slice(-6)).toEqual([...args.slice(-6, -3), '-f', 'mp4', 'preview.mp4'])
  expect(args).toContain('+faststart')
})

test('all sizes of a poster are one run', () => {
  const args = posterSizesArgs('p.jpg', [
    { width: 320, format: 'jpg', path: 'a.jpg' },
    { width: 320, format: 'webp', path: 'a.webp' },
  ])
  expect(args.filter((arg) => arg === '-i')).toHaveLength(1)
  expect(args.filter((arg) => /^a\./.test(arg))).toEqual(['a.jpg', 'a.webp'])
})
