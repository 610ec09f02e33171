/** One PES packet (ISO 13818-1 section 2.4.3.6): a picture, or some frames of sound. Times in ticks of 90 kHz. */
export interface Pes {
  readonly track: 'video' | 'audio'
  readonly pts: number
  readonly dts: number
  readonly payload: Buffer
  /** A picture that decoding may begin at. */
  readonly random: boolean
}

const packetBytes = 188
const headBytes = 4
/** Packet ids and stream ids as ffmpeg and most others choose them. */
const pids = { tables: 0, program: 0x1000, video: 0x100, audio: 0x101 } as const
const streamIds = { video: 0xe0, audio: 0xc0 } as const
/** Stream types of table 2-34: H.264, and AAC in ADTS. */
const streamTypes = { video: 0x1b, audio: 0x0f } as const

/** Continuity counters have four bits. */
const counters = 16
/** The clock that a decoder runs by is so much earlier than what it decodes: time for it to arrive. */
const clockLead = 63_000

/**
 * One segment of a transport stream: pictures and sound in the order given. Every segment starts with the tables, and
 * every packet id has a multiple of 16 packets in it: the next segment, muxed by whomever, starts at counter 0 again
 * and still runs on. Pure.
 */
export function muxSegment(list: readonly Pes[]): Buffer {
  const sound = list.some(({ track }) => track === 'audio')
  const tables = [section(pids.tables, programTable), section(pids.program, streamTable(sound))]
  const packets: Buffer[] = []
  const rest = { video: paddingOf(list, 'video'), audio: paddingOf(list, 'audio') }
  list.forEach((pes, index) => {
    // Sixteen times a segment, spread over it: whoever tunes in late finds them, too.
    const due =
      Math.ceil((counters * (index + 1)) / list.length) - Math.ceil((counters * index) / list.length)
    for (let count = 0; count < due; count++) packets.push(...tables)
    packets.push(...packetsOf(pes, rest[pes.track]))
    rest[pes.track] = 0
  })
  return count(Buffer.concat(packets))
}

/** Packets that a track is short of a multiple of 16; its first PES packet is spread over so many more. */
function paddingOf(list: readonly Pes[], track: Pes['track']): number {
  const own = list.filter((pes) => pes.track === track)
  const natural = own.reduce((sum, pes) => sum + naturalCount(pes), 0)
  const missing = (counters - (natural % counters)) % counters
  const first = own[0]
  // A byte each at least. A last segment of one silent frame has none to give, and needs none.
  return first && first.payload.length > naturalCount(first) + missing ? missing : 0
}

function naturalCount(pes: Pes): number {
  const bytes = headerOf(pes).length + pes.payload.length
  return 1 + Math.ceil(Math.max(0, bytes - roomOf(pes, true)) / roomOf(pes, false))
}

/** Payload bytes of a packet: each picture's first one also carries the clock. */
function roomOf({ track }: Pes, first: boolean): number {
  return packetBytes - headBytes - (first && track === 'video' ? 8 : 0)
}

function packetsOf(pes: Pes, extra: number): Buffer[] {
  const header = headerOf(pes)
  const data = Buffer.concat([header, pes.payload])
  const total = naturalCount(pes) + extra
  const packets: Buffer[] = []
  let at = 0
  for (let left = total; left > 0; left--) {
    const first = left === total
    const share = extra === 0 ? data.length - at : Math.ceil((data.length - at) / left)
    // Parsers want the header of a PES packet in one piece.
    const size = Math.min(roomOf(pes, first), first ? Math.max(share, header.length + 1) : share)
    packets.push(packet(pes, data.subarray(at, at + size), first))
    at += size
  }
  return packets
}

function packet(pes: Pes, payload: Buffer, first: boolean): Buffer {
  const out = Buffer.alloc(packetBytes, 0xff)
  const field = packetBytes - headBytes - payload.length
  head(out, pids[pes.track], { first, field: field > 0 })
  if (field > 0) out[4] = field - 1
  if (field > 1) {
    const clock = first && pes.track === 'video'
    out[5] = (clock && pes.random ? 0x40 : 0) | (clock ? 0x10 : 0)
    if (clock) writeClock(out, 6, pes.dts - clockLead)
  }
  payload.copy(out, packetBytes - payload.length)
  return out
}

function head(out: Buffer, pid: number, { first, field }: { first: boolean; field: boolean }): void {
  out[0] = 0x47
  out.writeUInt16BE((first ? 0x4000 : 0) | pid, 1)
  out[3] = field ? 0x30 : 0x10
}

function headerOf({ track, pts, dts, payload }: Pes): Buffer {
  const both = pts !== dts
  const fields = both ? 10 : 5
  const out = Buffer.alloc(9 + fields)
  out.writeUIntBE(0x000001, 0, 3)
  out[3] = streamIds[track]
  const length = 3 + fields + payload.length
  // 0: as long as it is, which pictures alone may say.
  out.writeUInt16BE(track === 'video' || length > 0xffff ? 0 : length, 4)
  out[6] = 0x84
  out[7] = both ? 0xc0 : 0x80
  out[8] = fields
  writeTime(out, 9, both ? 3 : 2, pts)
  if (both) writeTime(out, 14, 1, dts)
  return out
}

function writeTime(out: Buffer, at: number, mark: number, ticks: number): void {
  out[at] = (mark << 4) | (((ticks / 2 ** 30) & 7) << 1) | 1
  out.writeUInt16BE((((ticks / 2 ** 15) & 0x7fff) << 1) | 1, at + 1)
  out.writeUInt16BE(((ticks & 0x7fff) << 1) | 1, at + 3)
}

function writeClock(out: Buffer, at: number, ticks: number): void {
  out.writeUInt32BE(Math.floor(ticks / 2) % 2 ** 32, at)
  out[at + 4] = ((ticks % 2) << 7) | 0x7e
  out[at + 5] = 0
}

const programTable = Buffer.from([0x00, 0xb0, 0x0d, 0x00, 0x01, 0xc1, 0x00, 0x00, 0x00, 0x01, 0xf0, 0x00])

function streamTable(sound: boolean): Buffer {
  const streams = sound ? (['video', 'audio'] as const) : (['video'] as const)
  const entries = streams.flatMap((track) => [
    streamTypes[track],
    0xe0 | (pids[track] >> 8),
    pids[track] & 0xff,
    ...[0xf0, 0x00],
  ])
  const clock = [0xe0 | (pids.video >> 8), pids.video & 0xff, 0xf0, 0x00]
  return Buffer.from([0x02, 0xb0, 13 + entries.length, 0x00, 0x01, 0xc1, 0x00, 0x00, ...clock, ...entries])
}

/** A table in a packet of its own: pointer, section, checksum. */
function section(pid: number, table: Buffer): Buffer {
  const out = Buffer.alloc(packetBytes, 0xff)
  head(out, pid, { first: true, field: false })
  out[4] = 0
  table.copy(out, 5)
  out.writeUInt32BE(checksum(table), 5 + table.length)
  return out
}

/** CRC-32 of ISO 13818-1 annex A. */
function checksum(data: Buffer): number {
  let crc = 0xffffffff
  for (const byte of data) {
    crc ^= byte << 24
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  }
  return crc >>> 0
}

/** Numbers the packets of each id from 0 on. */
function count(segment: Buffer): Buffer {
  const next = new Map<number, number>()
  for (let at = 0; at < segment.length; at += packetBytes) {
    const pid = segment.readUInt16BE(at + 1) & 0x1fff
    const number = next.get(pid) ?? 0
    segment[at + 3] = segment[at + 3]! | number
    next.set(pid, (number + 1) % counters)
  }
  return segment
}
