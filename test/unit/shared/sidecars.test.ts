import { describe, expect, test } from '@jest/globals'
import { isSidecar, readSidecarName, sidecarPrefix, sidecarsOf } from '../../../shared/sidecars.ts'

describe('sidecars', () => {
  const source = 'tenants/1/video/raw/s/lecture.mp4'
  const beside = (name: string) => source.replace('.mp4', `.${name}`)

  test('are files of subtitles with the stem of the source, and not those of a longer one', () => {
    const mine = ['srt', 'en.srt', 'en.forced.vtt', 'EN.SRT'].map(beside)
    const others = ['mp4', 'txt', 'part2.mp4', 'part2.srt', 'part2.de.srt', 'en/x.srt'].map(beside)
    expect(sidecarsOf(source, [...mine, ...others])).toEqual(mine)
    expect(sidecarPrefix(source)).toBe('tenants/1/video/raw/s/lecture.')
    expect(sidecarPrefix('videos/a.b/film')).toBe('videos/a.b/film.')
    expect([isSidecar('a.srt'), isSidecar('a.VTT'), isSidecar('srt.mp4')]).toEqual([true, true, false])
  })

  test.each([
    ['srt', { language: 'und', format: 'srt', title: '', forced: false, forDeaf: false, isDefault: false }],
    ['en.srt', { language: 'en' }],
    ['eng.VTT', { language: 'en', format: 'vtt' }],
    ['pt_br.srt', { language: 'pt-BR' }],
    ['en.forced.vtt', { language: 'en', forced: true }],
    ['en.hi.srt', { language: 'en', forDeaf: true }],
    ['hi.srt', { language: 'hi', forDeaf: false }],
    ['en.SDH.default.srt', { language: 'en', forDeaf: true, isDefault: true }],
    ['Commentary <x>.en.srt', { language: 'en', title: 'Commentary x' }],
    ['.srt', { language: 'und', title: '' }],
  ])('%s says %j', (name, expected) => {
    expect(readSidecarName(source, beside(name))).toMatchObject(expected)
  })
})
