/** The clock of a broadcast file, looked at here and there: where it jumps, nothing in the file says so. */
import { jumpSeconds } from './packet-order.ts'

/** Bytes `start` to `end` of the source, both inclusive. */
export type ReadBytes = (start: number, end: number) => Promise<Buffer>

/** A clock comes every 0.1 s at least (ISO 13818-1, 2.7.2; of a program stream every 0.7 s): 20 Mbit/s in this much. */
const lookBytes = 256 * 1024
/** Some seconds of a broadcast lie between two looks. Of files over 1 GiB there are no more looks than that has. */
const spacingBytes = 8 * 1024 * 1024
const mostLooks = 128
/** So many at a time: each waits for the bucket. */
const atOnce = 8
/** The clock has 33 bits, and counts 90,000 a second. */
const ticksPerSecond = 90_000
const wrapTicks = 2 ** 33
/** Between two looks pass as many seconds a byte as usual, more or less: pictures differ, but hardly by this much. */
const unlikely = 8

interface Look {
  readonly at: number
  readonly ticks: number
}

/**
 * Whether the clock of a transport or program stream seems to jump, by what passes between two looks at it. Recordings
 * that were put one behind the other begin anew; a step back that is shorter than the time between two looks is not seen.
 */
export async function seemsToJump(
  demuxer: 'mpegts' | 'mpeg',
  bytes: number,
  read: ReadBytes,
): Promise<boolean> {
  const clockIn = demuxer === 'mpegts' ? programClock : systemClock
  const count = Math.min(mostLooks, Math.ceil(bytes / spacingBytes))
  const places = Array.from({ length: count + 1 }, (_, index) =>
    Math.floor((index * Math.max(0, bytes - lookBytes)) / count),
  )
  const looks: Look[] = []
  for (let from = 0; from < places.length; from += atOnce) {
    const batch = places.slice(from, from + atOnce).map(async (at) => {
      const ticks = clockIn(await read(at, Math.min(bytes, at + lookBytes) - 1))
      return ticks === undefined ? [] : [{ at, ticks }]
    })
    looks.push(...(await Promise.all(batch)).flat())
  }
  return isUneven(looks)
}

/** Pure. */
export function isUneven(looks: readonly Look[]): boolean {
  const steps = looks.slice(1).map((look, index) => {
    const before = looks[index]!
    const seconds = stepTicks(before.ticks, look.ticks) / ticksPerSecond
    return { seconds, perByte: seconds / (look.at - before.at) }
  })
  const usual = steps.map(({ perByte }) => perByte).toSorted((a, b) => a - b)[Math.floor(steps.length / 2)]
  return steps.some(
    ({ seconds, perByte }) =>
      seconds < 0 || perByte < usual! / unlikely || (seconds > jumpSeconds && perByte > usual! * unlikely),
  )
}

/** From one time to another, of a clock that begins anew after 26.5 hours. */
function stepTicks(from: number, to: number): number {
  return ((to - from + 1.5 * wrapTicks) % wrapTicks) - wrapTicks / 2
}

/** Sizes of packets: bare, with the time of arrival before each (M2TS), with a check behind. */
const packetSizes = [188, 192, 204]
const syncByte = 0x47
/** Up to the end of a clock reference. */
const headerBytes = 12

/** The first clock reference (PCR) of a transport stream in these bytes, wherever its packets begin; in ticks. */
export function programClock(bytes: Buffer): number | undefined {
  for (let first = 0; first < packetSizes.at(-1)!; first++) {
    const size = packetSizes.find((size) =>
      [0, 1, 2, 3, 4].every((count) => bytes[first + count * size] === syncByte),
    )
    if (size === undefined) continue
    for (let at = first; at + headerBytes <= bytes.length; at += size) {
      if (bytes[at] !== syncByte) break
      const hasField = (bytes[at + 3]! & 0x20) !== 0 && bytes[at + 4]! >= 7
      if (hasField && (bytes[at + 5]! & 0x10) !== 0)
        return bytes.readUInt32BE(at + 6) * 2 + (bytes[at + 10]! >> 7)
    }
  }
  return undefined
}

const packStart = Buffer.from([0, 0, 1, 0xba])

/** The first clock reference (SCR) of a program stream in these bytes, MPEG-1 or MPEG-2; in ticks. */
export function systemClock(bytes: Buffer): number | undefined {
  for (
    let at = bytes.indexOf(packStart);
    at >= 0 && at + 9 <= bytes.length;
    at = bytes.indexOf(packStart, at + 4)
  ) {
    const [a, b, c, d, e] = bytes.subarray(at + 4, at + 9) as unknown as [
      number,
      number,
      number,
      number,
      number,
    ]
    if (a >> 6 === 1)
      return (
        ((a >> 3) & 7) * 2 ** 30 +
        (a & 3) * 2 ** 28 +
        b * 2 ** 20 +
        (c >> 3) * 2 ** 15 +
        (c & 3) * 2 ** 13 +
        d * 32 +
        (e >> 3)
      )
    if (a >> 4 === 2)
      return ((a >> 1) & 7) * 2 ** 30 + b * 2 ** 22 + (c >> 1) * 2 ** 15 + d * 2 ** 7 + (e >> 1)
  }
  return undefined
}
