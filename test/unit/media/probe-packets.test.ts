import { describe, expect, test } from '@jest/globals'
import { inTurn, mendJumps } from '../../../worker/media/packet-order.ts'
import { paceOf, paceOfOne, parseFrames, parsePackets } from '../../../worker/media/probe-packets.ts'

const milliseconds = { num: 1, den: 1000 }
const ninety = { num: 1, den: 90_000 }

describe('packet lists', () => {
  test('are read whatever fields are missing', () => {
    const text = [
      'pts=0|dts=-512|duration=512|flags=K_',
      'pts=1024|dts=0|duration=N/A|flags=__',
      'pts=N/A|dts=512|duration=512|flags=__',
      'pts=N/A|dts=N/A|flags=__',
      'pts=-512|dts=-1024|duration=512|flags=KD',
      '',
    ].join('\n')
    expect(parsePackets(text)).toEqual([
      { ticks: 0, duration: 512, key: true },
      { ticks: 1024, duration: 0, key: false },
      { ticks: 512, duration: 512, key: false },
    ])
  })

  test('so are frame lists', () => {
    const text =
      'pts=N/A|best_effort_timestamp=3600|width=720|height=576|pix_fmt=yuv420p|interlaced_frame=1\n' +
      'pts=7200|best_effort_timestamp=7200|width=720|height=576|pix_fmt=yuv420p|interlaced_frame=0\n'
    expect(parseFrames(text)).toEqual([
      { ticks: 3600, width: 720, height: 576, interlaced: true },
      { ticks: 7200, width: 720, height: 576, interlaced: false },
    ])
  })
})

describe('the rate of a steady source', () => {
  const times = (rate: number, second: number, count = 300) =>
    Array.from({ length: count }, (_, n) => Math.round((n / rate) * second))

  test('is what the header says where packets agree', () => {
    expect(paceOf(times(30_000 / 1001, 90_000), ninety, ['30000/1001', '0/0'])).toMatchObject({
      rate: { num: 30_000, den: 1001 },
      variable: false,
    })
  })

  test('is measured where the header is wrong', () => {
    expect(paceOf(times(25, 90_000), ninety, ['90000/1', '0/0']).rate).toEqual({ num: 25, den: 1 })
  })

  test('is 30000/1001 for a clock in milliseconds that cannot tell', () => {
    expect(paceOf(times(30_000 / 1001, 1000), milliseconds, ['29970/1000']).rate).toEqual({
      num: 30_000,
      den: 1001,
    })
    expect(paceOf(times(30_000 / 1001, 1000), milliseconds, []).rate).toEqual({ num: 30_000, den: 1001 })
    expect(paceOf(times(30_000 / 1001, 1000), milliseconds, ['2997/100']).rate).toEqual({
      num: 30_000,
      den: 1001,
    })
  })

  test('keeps odd values exactly', () => {
    expect(paceOf(times(8.797, 90_000), ninety, ['8797/1000']).rate).toEqual({ num: 8797, den: 1000 })
  })

  test('holes do not make it slower', () => {
    const holed = times(25, 1000).filter((_, n) => n !== 100 && n !== 200)
    expect(paceOf(holed, milliseconds, ['25/1'])).toMatchObject({
      rate: { num: 25, den: 1 },
      variable: false,
    })
  })

  test('of a single picture is what the header says, or 25', () => {
    expect(paceOf([0], ninety, ['50/1']).rate).toEqual({ num: 50, den: 1 })
    expect(paceOf([0], ninety, ['90000/1']).rate).toEqual({ num: 25, den: 1 })
    expect(paceOf([], ninety, []).rate).toEqual({ num: 25, den: 1 })
  })

  test('of a single picture on its own is such that it comes twice, but not so fast that rungs would get one of them', () => {
    expect(paceOfOne(0.1)).toEqual({ rate: { num: 20, den: 1 }, seconds: 0.1 })
    expect(paceOfOne(5)).toEqual({ rate: { num: 2, den: 5 }, seconds: 5 })
    expect(paceOfOne(0.001)).toEqual({ rate: { num: 30, den: 1 }, seconds: 2 / 30 })
  })
})

describe('the rate of a variable source', () => {
  test('is the usual one nearest its shorter gaps', () => {
    const ticks = [0]
    for (let n = 0; n < 200; n++) ticks.push(ticks.at(-1)! + (n % 3 === 0 ? 33 : n % 3 === 1 ? 67 : 100))
    const pace = paceOf(ticks, milliseconds, ['1000/1', '15/1'])
    expect(pace.variable).toBe(true)
    expect(pace.rate.num / pace.rate.den).toBeCloseTo(30, 0)
  })

  test('is never above 60', () => {
    const ticks = [0]
    for (let n = 0; n < 200; n++) ticks.push(ticks.at(-1)! + (n % 2 === 0 ? 2 : 40))
    expect(paceOf(ticks, milliseconds, []).rate).toEqual({ num: 60, den: 1 })
  })

  test('jitter of a millisecond is not variable', () => {
    const ticks = Array.from({ length: 300 }, (_, n) => n * 40 + (n % 2))
    expect(paceOf(ticks, milliseconds, ['25/1']).variable).toBe(false)
  })
})

describe('jumps', () => {
  const steady = Array.from({ length: 10 }, (_, n) => ({ ticks: n * 3600, duration: 3600, key: n === 0 }))
  const end = ({ ticks, duration }: { ticks: number; duration: number }) => ticks + duration

  test('are cut out, forwards and backwards, and time goes on after them', () => {
    const hour = 3600 * 90_000
    const jumping = [
      ...steady,
      ...steady.map((packet) => ({ ...packet, ticks: packet.ticks + hour })),
      ...steady,
    ]
    const mended = mendJumps(jumping, ninety)
    expect(mended.map(({ ticks }) => ticks)).toEqual(Array.from({ length: 30 }, (_, n) => n * 3600))
    expect(end(mended.at(-1)!)).toBe(30 * 3600)
  })

  test('a clock that begins anew goes on where it was, however short what was before', () => {
    // Decoded I P B B: the last packet is not the last picture.
    const group = [0, 3, 1, 2].map((n) => ({ ticks: n * 3600, duration: 3600, key: n === 0 }))
    const four = Array.from({ length: 10 }, (_, n) =>
      group.map((at) => ({ ...at, ticks: at.ticks + n * 14_400 })),
    )
    const mended = mendJumps([...four, ...four].flat(), ninety).map(({ ticks }) => ticks)
    expect(mended.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 80 }, (_, n) => n * 3600))
  })

  test('a picture that comes out behind its successors is out of turn, wherever its clock stands', () => {
    const placed = steady.map((packet, n) => ({ ...packet, position: n * 188 }))
    expect(inTurn(placed)).toEqual({ packets: placed, late: [] })
    const late = [...placed.slice(0, 5), ...placed.slice(6), placed[5]!]
    expect(inTurn(late)).toEqual({ packets: late.slice(0, -1), late: [940] })
  })

  test('where more are out of turn than a recording has changes, the file’s order is taken as it is', () => {
    const placed = Array.from({ length: 40 }, (_, n) => ({ ...steady[0]!, position: (40 - n) * 188 }))
    expect(inTurn(placed)).toEqual({ packets: placed, late: [] })
  })

  test('packets that say nothing of their place are in turn', () => {
    expect(inTurn(steady)).toEqual({ packets: steady, late: [] })
  })

  test('pictures far apart that are decoded in another order are none', () => {
    const slow = [0, 3, 1, 2].map((n) => ({ ticks: n * 90_000, duration: 90_000, key: n === 0 }))
    expect(mendJumps(slow, ninety)).toEqual(slow)
  })

  test('a still of nine seconds is none', () => {
    const slow = steady.map((packet, n) => ({ ...packet, ticks: n * 9 * 90_000 }))
    expect(mendJumps(slow, ninety)).toEqual(slow)
  })
})
