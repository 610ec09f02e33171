import { describe, expect, test } from '@jest/globals'
import { muxSegment, type Pes } from '../../../worker/media/mpegts.ts'

const picture = (bytes: number, dts = 126_000): Pes => {
  return { track: 'video', pts: dts + 7200, dts, payload: Buffer.alloc(bytes, 1), random: true }
}
const sound = (bytes: number, pts = 133_200): Pes => {
  return { track: 'audio', pts, dts: pts, payload: Buffer.alloc(bytes, 2), random: false }
}

/** Packets of a stream with what their heads say. */
function read(segment: Buffer) {
  expect(segment.length % 188).toBe(0)
  return Array.from({ length: segment.length / 188 }, (_, index) => {
    const packet = segment.subarray(index * 188, (index + 1) * 188)
    expect(packet[0]).toBe(0x47)
    const field = packet[3]! & 0x20 ? 1 + packet[4]! : 0
    return {
      pid: packet.readUInt16BE(1) & 0x1fff,
      starts: (packet[1]! & 0x40) !== 0,
      counter: packet[3]! & 15,
      payload: packet.subarray(4 + field),
    }
  })
}

const ofId = (segment: Buffer, pid: number) => read(segment).filter((packet) => packet.pid === pid)
const payloadOf = (segment: Buffer, pid: number) =>
  Buffer.concat(ofId(segment, pid).map(({ payload }) => payload))

describe('a segment of a transport stream', () => {
  const list = [picture(5000), sound(900), picture(700, 129_600), sound(850, 144_720), picture(60, 133_200)]

  test('starts with both tables, and has its pictures and its sound in it, whole', () => {
    const segment = muxSegment(list)
    expect(read(segment).slice(0, 2)).toMatchObject([{ pid: 0 }, { pid: 0x1000 }])
    // 9 bytes, and two times of 5 for a picture, one for sound.
    expect(payloadOf(segment, 0x100)).toHaveLength(5000 + 700 + 60 + 3 * 19)
    expect(payloadOf(segment, 0x101)).toHaveLength(900 + 850 + 2 * 14)
    expect(ofId(segment, 0x100).filter(({ starts }) => starts)).toHaveLength(3)
  })

  test.each([0, 1, 2, 15, 16, 17, 183, 184, 2900])(
    'counters run on into the next, with %i bytes more',
    (more) => {
      const segment = muxSegment([picture(400 + more), sound(90 + more), ...list])
      for (const pid of [0, 0x1000, 0x100, 0x101]) {
        const counters = ofId(segment, pid).map(({ counter }) => counter)
        expect(counters).toEqual(counters.map((_, index) => index % 16))
        expect(counters.length % 16).toBe(0)
        expect(counters).not.toHaveLength(0)
      }
    },
  )

  test('times are written in 33 bits', () => {
    const late = 2 ** 32 + 12_345
    const header = payloadOf(muxSegment([picture(400, late)]), 0x100)
    const time = (at: number) =>
      ((header[at]! >> 1) & 7) * 2 ** 30 +
      (header.readUInt16BE(at + 1) >> 1) * 2 ** 15 +
      (header.readUInt16BE(at + 3) >> 1)
    expect([time(9), time(14)]).toEqual([late + 7200, late])
  })

  test('without sound names none', () => {
    const [, table] = read(muxSegment([picture(400)]))
    expect(table!.payload.includes(Buffer.from([0x0f, 0xe1, 0x01]))).toBe(false)
    expect(read(muxSegment(list))[1]!.payload.includes(Buffer.from([0x0f, 0xe1, 0x01]))).toBe(true)
  })

  test('a last word too short to be spread is left as it is', () => {
    expect(ofId(muxSegment([picture(400), sound(9)]), 0x101)).toHaveLength(1)
  })
})
