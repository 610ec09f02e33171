/** The arithmetic of the encoder benchmark, and what it says of the results. */
import { describe, expect, test } from '@jest/globals'
import { childSeconds, runCosted } from '../../bench/child.ts'
import { type Compared, encoderFigures, encoderTable, putTable } from '../../bench/encoder-table.ts'
import { bytesAt, closeDb, nextCrf, type Point, toDb } from '../../bench/equal.ts'

/** An encoder on straight lines: 0.4 dB a crf, bytes by half every six. */
function encode(crf: number): Point {
  const db = 25 - 0.4 * crf
  return { crf, ssim: 1 - 10 ** (-db / 10), bytes: 8e6 * 2 ** (-crf / 6) }
}

describe('the crf of equal quality', () => {
  test.each([12, 22, 31.5])('%d is found in a few steps', (wanted) => {
    const target = encode(wanted).ssim
    const points = [encode(22)]
    for (let next = nextCrf(points, target); next !== undefined; next = nextCrf(points, target)) {
      points.push(encode(next))
    }
    expect(points.length).toBeLessThanOrEqual(5)
    const reached = points.at(-1)!
    expect(Math.abs(toDb(reached.ssim) - toDb(target))).toBeLessThanOrEqual(closeDb)
    expect(bytesAt(points, target)! / encode(wanted).bytes).toBeCloseTo(1, 1)
  })

  test('is found where the line bends between two points', () => {
    // As on busy footage: above some quality the cap holds the bytes down.
    const bent = (crf: number) => {
      const db = crf < 27 ? 14 - 0.1 * (crf - 22) : 13.5 - 0.6 * (crf - 27)
      return { ...encode(crf), ssim: 1 - 10 ** (-db / 10) }
    }
    const points = [bent(22)]
    for (let next = nextCrf(points, bent(29).ssim); next !== undefined; ) {
      points.push(bent(next))
      next = nextCrf(points, bent(29).ssim)
    }
    expect(points.at(-1)?.crf).toBeCloseTo(29, 0)
    expect(points.length).toBeLessThanOrEqual(6)
  })

  test('is not looked for without end where a cap holds the quality down', () => {
    const capped = (crf: number) => ({ ...encode(Math.max(crf, 20)), crf })
    const points = [capped(24)]
    for (let tries = 0; tries < 20; tries++) {
      const next = nextCrf(points, encode(10).ssim)
      if (next === undefined) break
      points.push(capped(next))
    }
    expect(points.length).toBeLessThan(10)
    expect(bytesAt(points, encode(10).ssim)).toBeUndefined()
  })
})

describe('bytes at a given quality', () => {
  test('lie between the points on a line of logarithms', () => {
    expect(bytesAt([encode(20), encode(26), encode(35)], encode(23).ssim)).toBeCloseTo(encode(23).bytes, 0)
  })

  test('are not made up beyond them', () => {
    expect(bytesAt([encode(20), encode(26)], encode(18).ssim)).toBeUndefined()
    expect(bytesAt([], 0.9)).toBeUndefined()
  })

  test('are those of a point that is there', () => {
    expect(bytesAt([encode(20)], encode(20).ssim)).toBe(encode(20).bytes)
  })
})

const side = (cpuSeconds: number, bytes: number, ssim: number) => ({
  ...{ cpuSeconds, soundBytes: 100_000, crfs: [22, 23] },
  renditions: [
    { bytes, ssim },
    { bytes: bytes / 4, ssim },
  ],
})
const row: Compared = {
  ...{ kind: 'camera', names: ['720p', '360p'] },
  reference: { ...side(20, 4_000_000, 0.97), soundBytes: 0, crfs: undefined },
  ours: side(9, 4_400_000, 0.975),
  equal: side(8, 3_000_000, 0.97),
  equalBytes: 3_850_000,
}

describe('the figures', () => {
  test('compare at equal SSIM, and the lowest quality as shipped', () => {
    expect(encoderFigures([row])).toEqual({
      encoder_cpu_camera: expect.objectContaining({ value: 0.4, met: true }),
      encoder_bytes_camera: expect.objectContaining({ value: 0.77, met: true }),
      encoder_ssim_camera: expect.objectContaining({ value: 0.975, aim: 'at least 0.95', met: true }),
    })
  })

  test('are not met by what was not reached', () => {
    const figures = encoderFigures([{ ...row, equalBytes: undefined }])
    expect(figures.encoder_bytes_camera).toMatchObject({ value: Number.NaN, met: false })
  })

  test('want no more quality than the reference has', () => {
    const poor = { ...row, reference: side(20, 4e6, 0.9), ours: side(9, 4e6, 0.91) }
    expect(encoderFigures([poor]).encoder_ssim_camera).toMatchObject({ aim: 'at least 0.9', met: true })
  })
})

describe('the table', () => {
  test('has three lines a clip, and shares against the reference', () => {
    const lines = encoderTable([row], 'ffmpeg 1').split('\n')
    expect(lines[0]).toContain('with ffmpeg 1')
    expect(lines.slice(-3)).toEqual([
      '| **camera** | reference | 20.0 |  | 5000 |  | 0.9700, 0.9700 |',
      '|  | shipped, crf 22 and 23 | 9.0 | 0.45 | 5600 | 1.12 | 0.9750, 0.9750 |',
      '|  | equal SSIM, crf 22 and 23 | 8.0 | 0.40 | 3850 | 0.77 | 0.9700, 0.9700 |',
    ])
    expect(encoderTable([{ ...row, equalBytes: undefined }], '')).toContain('| not reached |')
  })

  test('takes the place of the one before', () => {
    const page = 'before\n<!-- encoder -->\nold $1\n<!-- /encoder -->\nafter'
    const once = putTable(page, 'new $& table')
    expect(once).toBe('before\n<!-- encoder -->\n\nnew $& table\n\n<!-- /encoder -->\nafter')
    expect(putTable(once, 'new $& table')).toBe(once)
    expect(putTable('<!-- encoder -->\n<!-- /encoder -->', 'first')).toContain('first')
    expect(() => putTable('no markers', 'table')).toThrow('<!-- encoder -->')
  })
})

describe('the CPU time of a program', () => {
  test('is the last line of the shell’s times', () => {
    expect(childSeconds('0m0.00s 0m0.01s\n1m2.50s 0m0.25s\n')).toBe(62.75)
    expect(childSeconds('0m0,004s 0m0.001s\n0m1.004s 0m0.001s')).toBeCloseTo(1.005)
    expect(() => childSeconds('user 1.0')).toThrow('not understood')
  })

  test('counts work and not waiting, and an error says what the program said', async () => {
    const { signal } = new AbortController()
    const busy = 'const end = process.cpuUsage().user + 3e5; while (process.cpuUsage().user < end);'
    expect((await runCosted([process.execPath, '-e', busy], signal)).cpuSeconds).toBeGreaterThan(0.3)
    expect((await runCosted(['sleep', '0.3'], signal)).cpuSeconds).toBeLessThan(0.2)
    await expect(runCosted(['ls', '/no/such/file'], signal)).rejects.toThrow(/^ls ended with 2: .*such/)
  })

  test('of a stopped program is not waited for', async () => {
    const stop = new AbortController()
    const running = runCosted(['sleep', '60'], stop.signal)
    stop.abort(new Error('enough'))
    await expect(running).rejects.toThrow('enough')
  })
})
