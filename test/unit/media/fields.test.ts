import { describe, expect, test } from '@jest/globals'
import {
  checkFields,
  countFields,
  type FieldCounts,
  judgeFields,
  maybeWoven,
} from '../../../worker/media/fields.ts'
import { fieldFilters } from '../../../worker/media/filters.ts'
import { factsOf } from './facts.ts'

const counts = (tff: number, bff: number, progressive: number): FieldCounts => ({ tff, bff, progressive })

test('the words of idet are counted', () => {
  const line = (word: string) => `frame:0 pts:0 pts_time:0\nlavfi.idet.multiple.current_frame=${word}\n`
  const text = ['tff', 'tff', 'bff', 'progressive', 'undetermined'].map(line).join('')
  expect(countFields(text)).toEqual(counts(2, 1, 1))
})

test.each([
  [counts(40, 0, 0), 'tff'],
  [counts(1, 39, 0), 'bff'],
  [counts(0, 0, 40), 'whole'],
  // A sharp test picture, measured; film carried by three fields and two; a still.
  [counts(33, 14, 14), undefined],
  [counts(48, 0, 72), undefined],
  [counts(3, 0, 0), undefined],
])('%o are judged %s', (found, verdict) => {
  expect(judgeFields(found)).toBe(verdict)
})

describe('a stream is checked against its pictures', () => {
  async function check(video: Parameters<typeof factsOf>[0], found: FieldCounts | undefined, seconds = 60) {
    const looks: number[] = []
    const facts = await checkFields(factsOf(video, { seconds }), async (at) => {
      looks.push(at)
      return found
    })
    return { looks, video: facts.video, filters: fieldFilters(facts.video), warnings: facts.warnings }
  }

  test('marked and whole: not deinterlaced, and the mark taken off', async () => {
    const { looks, filters, warnings } = await check({ interlaced: 'marked' }, counts(0, 0, 39))
    expect([looks, filters]).toEqual([[6, 30, 51], ['setfield=mode=prog']])
    expect(warnings).toEqual(['marked as interlaced, but its pictures are whole'])
  })

  test('unmarked and woven: deinterlaced in its order', async () => {
    const { filters } = await check({ interlaced: 'no' }, counts(0, 38, 1))
    expect(filters).toEqual(['bwdif=mode=send_frame:deint=all:parity=bff'])
  })

  test('unmarked and whole: looked at once; of another size, not at all', async () => {
    expect(await check({}, counts(0, 0, 40))).toMatchObject({ looks: [6], filters: [] })
    expect((await check({ codedHeight: 720 }, counts(40, 0, 0))).looks).toEqual([])
  })

  test('in doubt, or where nothing can be seen: as it says', async () => {
    expect((await check({ interlaced: 'marked' }, counts(9, 5, 6))).video?.interlaced).toBe('marked')
    expect((await check({ interlaced: 'all' }, undefined)).video?.interlaced).toBe('all')
  })

  test('a short one from its start', async () => {
    expect((await check({ interlaced: 'all' }, counts(0, 40, 0), 5)).looks).toEqual([0])
  })
})

test('phones, new codecs and other rates are no television', () => {
  const { video } = factsOf()
  expect(maybeWoven(video)).toBe(true)
  const others = [{ rotation: 90 }, { codec: 'hevc' }, { rate: { num: 24, den: 1 } }, { variableRate: true }]
  for (const other of others) expect(maybeWoven({ ...video, ...other })).toBe(false)
})
