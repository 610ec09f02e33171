import { describe, expect, test } from '@jest/globals'
import { isEmptySegment, parseInit, parseSegment } from '../../../worker/media/fmp4.ts'

function box(type: string, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(body.length + 8)
  head.write(type, 4, 'latin1')
  return Buffer.concat([head, body])
}

const words = (...values: number[]) => {
  const data = Buffer.alloc(values.length * 4)
  values.forEach((value, at) => {
    data.writeUInt32BE(value, at * 4)
  })
  return data
}

/** Sample flags: a key frame, and one that depends on others. */
const [key, other] = [0x2000000, 0x1010000]

/** A fragment of two pictures of 512 ticks, 300 and 100 bytes. */
function fragment(sequence: number, time: number, first = key): Buffer {
  const tfhd = box('tfhd', words(0x20000, 1))
  const tfdt = box('tfdt', words(0x1000000, 0, time))
  const trun = box('trun', words(0x701, 2, 0, 512, 300, first, 512, 100, other))
  return Buffer.concat([
    box('moof', box('mfhd', words(0, sequence)), box('traf', tfhd, tfdt, trun)),
    box('mdat', Buffer.alloc(400)),
  ])
}

const styp = box('styp', Buffer.from('msdh'))

describe('a segment', () => {
  test('tells its time, length, and where its first picture lies', () => {
    const data = Buffer.concat([styp, fragment(7, 153_600)])
    const facts = parseSegment(data, 12_800)
    expect(facts).toMatchObject({
      ...{ sequence: 7, baseDecodeTime: 153_600, samples: 2, durationTicks: 1024 },
      ...{ seconds: 0.08, startsWithKeyframe: true },
    })
    // From moof to the end of the first picture.
    const { offset, length } = facts.firstKeyframe!
    expect(offset).toBe(styp.length)
    expect(offset + length).toBe(data.length - 100)
  })

  test('of several fragments is the sum of them', () => {
    const data = Buffer.concat([fragment(1, 0), fragment(2, 1024, other)])
    expect(parseSegment(data, 12_800)).toMatchObject({ sequence: 1, samples: 4, durationTicks: 2048 })
  })

  test('that begins with another picture than a key frame says so', () => {
    expect(parseSegment(fragment(1, 0, other), 12_800)).toMatchObject({
      startsWithKeyframe: false,
      firstKeyframe: undefined,
    })
  })

  test('without a fragment is empty', () => {
    expect(isEmptySegment(styp)).toBe(true)
    expect(isEmptySegment(Buffer.alloc(0))).toBe(true)
    expect(isEmptySegment(fragment(1, 0))).toBe(false)
    expect(() => parseSegment(styp, 12_800)).toThrow(expect.objectContaining({ code: 'output_invalid' }))
  })

  test('that is cut off is refused', () => {
    expect(() => parseSegment(fragment(1, 0).subarray(0, -10), 12_800)).toThrow(
      expect.objectContaining({ code: 'output_invalid' }),
    )
  })
})

test('an init segment without a track is refused', () => {
  expect(() => parseInit(box('ftyp', Buffer.from('iso6')))).toThrow(
    expect.objectContaining({ code: 'output_invalid' }),
  )
})
