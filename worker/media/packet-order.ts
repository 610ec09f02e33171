/** Packets of a broadcast, put right: in their turn, and on a clock that runs on. */
import type { PacketTime } from './probe-packets.ts'
import type { Rational } from './timeline.ts'

/** A recording crosses few programmes; each place is a term of a filter, and a forged file may have any number. */
const mostLate = 16

/**
 * Packets in the order of the file, and where those stood that came out after packets behind them: the last picture of
 * tracks that moved to other PIDs, which ffmpeg 5.1 hands out at the file's end.
 */
export function inTurn(packets: readonly PacketTime[]): { packets: readonly PacketTime[]; late: number[] } {
  const late: number[] = []
  let furthest = 0
  const kept = packets.filter(({ position = furthest }) => {
    if (position < furthest) late.push(position)
    furthest = Math.max(furthest, position)
    return position === furthest
  })
  return late.length === 0 || late.length > mostLate ? { packets, late: [] } : { packets: kept, late }
}

/** ffmpeg mends a step forwards of more than this (its -dts_delta_threshold). */
export const jumpSeconds = 10
/**
 * A step back is mended whatever its size (ffmpeg: from a tenth of a second on). Packets come in the order of decoding:
 * one is behind the latest by 16 pictures at most (H.264 and HEVC, the decoded picture buffer), else by less than this.
 */
const backSeconds = 1
const mostReordered = 16

/**
 * Takes jumps out of packets in file order: after one, time goes on a frame later than before it, as ffmpeg mends it.
 * Returns the same list when there is no jump.
 */
export function mendJumps(packets: readonly PacketTime[], timeBase: Rational): readonly PacketTime[] {
  const second = timeBase.den / timeBase.num
  let shift = 0
  let jumped = false
  let latest: PacketTime | undefined
  return packets.map((packet) => {
    const step = latest ? packet.ticks + shift - latest.ticks : 0
    if (
      latest &&
      (step > jumpSeconds * second || -step > Math.max(backSeconds * second, mostReordered * latest.duration))
    ) {
      jumped = true
      shift += latest.duration - step
    }
    const mended = jumped ? { ...packet, ticks: packet.ticks + shift } : packet
    if (!latest || mended.ticks > latest.ticks) latest = mended
    return mended
  })
}
