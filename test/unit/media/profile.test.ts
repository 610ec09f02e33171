import { describe, expect, test } from '@jest/globals'
import { defaultProfile, loadProfiles } from '../../../worker/media/profile.ts'

describe('a profile file', () => {
  test('adds to the built-in profiles, and fills gaps from it', () => {
    const rungs = [{ shortSide: 540, crf: 24, maxrateKbps: 1500 }]
    const profiles = loadProfiles(JSON.stringify({ lecture: { rungs, preset: 'medium' } }))
    expect([...profiles.keys()]).toEqual(['default', 'academy', 'lecture'])
    expect(profiles.get('lecture')).toEqual({
      ...{ ...defaultProfile, name: 'lecture', rungs, preset: 'medium' },
      // Those of the default would undo the other preset.
      x264Params: '',
    })
  })

  test('may replace the built-in one', () => {
    expect(loadProfiles('{"default":{"audioKbps":96}}').get('default')?.audioKbps).toBe(96)
  })

  test('may give x264 options of its own, or none', () => {
    const own = { preset: 'slow', x264Params: 'aq-mode=3:deblock=-1,-1' }
    const profiles = loadProfiles(JSON.stringify({ own, plain: { x264Params: '' }, other: { maxFps: 30 } }))
    expect(profiles.get('own')).toMatchObject(own)
    expect(profiles.get('plain')).toMatchObject({ preset: defaultProfile.preset, x264Params: '' })
    expect(profiles.get('other')?.x264Params).toBe(defaultProfile.x264Params)
  })

  test('is refused with every problem in one message', () => {
    const text = JSON.stringify({
      'bad name': {},
      list: [],
      c: { x264Params: 'aq-mode=3:keyint=10:fast' },
      d: { x264Params: 3 },
      e: { posterSizes: [320, 0.5], previewSeconds: 90, layout: 'flat' },
      a: { preset: 'warp', maxFps: 240, colour: 'red', rungs: [] },
      b: {
        rungs: [
          { shortSide: 360, crf: 23, maxrateKbps: 800 },
          { shortSide: 720, crf: 99, maxrateKbps: 'x', name: 1 },
        ],
      },
    })
    const load = () => loadProfiles(text)
    expect(load).toThrow(expect.objectContaining({ code: 'config_invalid' }))
    for (const words of [
      'bad name: a name is',
      'list: must be an object',
      'a.preset: one of ultrafast',
      'a.maxFps: must be a number from 1 to 60, not 240',
      'a.colour: unknown',
      'a.rungs: must be a list',
      'b.rungs[1].shortSide: largest first',
      'b.rungs[1].crf: must be a number from 0 to 51, not 99',
      'b.rungs[1].maxrateKbps: must be a number from 50 to 200000, not "x"',
      'b.rungs[1].name: unknown',
      'c.x264Params: keyint is not for a profile to set',
      'c.x264Params: "fast" is not name=value',
      'd.x264Params: must be text',
      'e.posterSizes: up to 8 whole widths from 16 to 1280',
      'e.previewSeconds: must be a number from 0 to 60, not 90',
      'e.layout: one of fmp4, academy',
    ]) {
      expect(load).toThrow(words)
    }
  })

  test.each([
    ['{', 'not JSON'],
    ['[]', 'must be an object'],
    ['null', 'must be an object'],
  ])('%s is refused', (text, words) => {
    expect(() => loadProfiles(text)).toThrow(words)
  })
})
