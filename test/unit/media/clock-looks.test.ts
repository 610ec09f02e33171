import { describe, expect, test } from '@jest/globals'
import { isUneven, programClock, seemsToJump, systemClock } from '../../../worker/media/clock-looks.ts'

const wrap = 2 ** 33
const second = 90_000

/** A packet of a transport stream; with a clock where ticks are given. */
function packet(ticks?: number): Buffer {
  const bytes = Buffer.alloc(188, 0xff)
  bytes.set([0x47, 0x01, 0x00, ticks === undefined ? 0x10 : 0x30])
  if (ticks === undefined) return bytes
  bytes.set([7, 0x10], 4)
  bytes.writeUInt32BE(Math.floor(ticks / 2), 6)
  bytes[10] = ((ticks % 2) << 7) | 0x7e
  return bytes
}

/** A pack header of a program stream (ISO 13818-1 table 2-33, ISO 11172-1 2.4.3.2). */
function pack(ticks: number, version: 1 | 2): Buffer {
  const bits = ticks.toString(2).padStart(33, '0')
  const [a, b, c] = [bits.slice(0, 3), bits.slice(3, 18), bits.slice(18)]
  const text = version === 2 ? `01${a}1${b}1${c}1${'0'.repeat(10)}` : `0010${a}1${b}1${c}1${'0'.repeat(8)}`
  const bytes = text.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2))
  return Buffer.from([0, 0, 1, 0xba, ...bytes, 0, 0, 1, 0xe0])
}

describe('the clock of a transport stream', () => {
  const ticks = [0, 1, 63_000, 360_063_001, wrap - 1]

  test.each(ticks)('is read to its 33 bits: %d', (clock) => {
    expect(programClock(Buffer.concat([packet(), packet(clock), packet(9), packet(), packet()]))).toBe(clock)
  })

  test('is found from the middle of a packet on, and where packets bear their time or a check', () => {
    const list = Array.from({ length: 12 }, (_, at) => packet(at === 7 ? 4711 : undefined))
    expect(programClock(Buffer.concat(list).subarray(100))).toBe(4711)
    const timed = list.flatMap((each) => [Buffer.from([1, 2, 3, 4]), each])
    expect(programClock(Buffer.concat(timed))).toBe(4711)
    const checked = list.flatMap((each) => [each, Buffer.alloc(16, 0x47)])
    expect(programClock(Buffer.concat(checked))).toBe(4711)
  })

  test('is none where there is none, nor in what is no such stream', () => {
    expect(programClock(Buffer.concat(Array.from({ length: 9 }, () => packet())))).toBeUndefined()
    expect(programClock(Buffer.alloc(5000, 0x47).fill(0, 1000))).toBeUndefined()
    expect(programClock(Buffer.alloc(0))).toBeUndefined()
  })
})

describe('the clock of a program stream', () => {
  test.each([1, 2] as const)('of MPEG-%d is read to its 33 bits', (version) => {
    for (const clock of [0, 1, 63_000, 2 ** 32 + 12_345, wrap - 1])
      expect(systemClock(Buffer.concat([Buffer.alloc(77), pack(clock, version)]))).toBe(clock)
  })

  test('is none where its header is cut off', () => {
    expect(systemClock(pack(5, 2).subarray(0, 8))).toBeUndefined()
  })
})

describe('looks at a clock', () => {
  /** At every megabyte, so many seconds apart. */
  const looks = (...steps: number[]) => {
    let ticks = wrap - 10 * second
    return [0, ...steps].map((step, index) => {
      ticks = (ticks + step * second + wrap) % wrap
      return { at: index * 1e6, ticks }
    })
  }

  test('are even where it runs on, faster and slower, and begins anew after its 33 bits', () => {
    expect(isUneven(looks(4, 4, 4, 4, 4, 4))).toBe(false)
    expect(isUneven(looks(4, 2, 1, 12, 20, 9, 4))).toBe(false)
    expect(isUneven(looks())).toBe(false)
  })

  test('are not where it goes back, stands or leaps', () => {
    expect(isUneven(looks(4, 4, -8, 4, 4))).toBe(true)
    expect(isUneven(looks(4, 4, -3590, 4, 4))).toBe(true)
    expect(isUneven(looks(4, 4, 0.1, 4, 4))).toBe(true)
    expect(isUneven(looks(4, 4, 3604, 4, 4))).toBe(true)
  })

  test('are few however large the file is, and each is short', async () => {
    let [asked, largest] = [0, 0]
    const read = async (start: number, end: number) => {
      asked += 1
      largest = Math.max(largest, end - start + 1)
      return Buffer.concat(Array.from({ length: 9 }, () => packet(Math.floor(start / 1000))))
    }
    expect(await seemsToJump('mpegts', 50 * 2 ** 30, read)).toBe(false)
    expect([asked, largest]).toEqual([129, 262_144])
  })
})
