import { WorkerError } from '../../shared/errors.ts'

/** One box of an ISO media file (14496-12 section 4.2), by byte offsets into the buffer it was found in. */
export interface Box {
  readonly type: string
  /** Of the box itself, header included. */
  readonly start: number
  readonly body: number
  readonly end: number
}

/** Real files have some dozens side by side; an object each, millions of empty ones would fill the memory. */
const mostBoxes = 10_000

/** The boxes between two offsets, one after the other. Throws output_invalid when one is longer than its room. */
export function boxes(data: Buffer, start: number, end: number): Box[] {
  const found: Box[] = []
  for (let at = start; at + 8 <= end; ) {
    const short = data.readUInt32BE(at)
    const long = short === 1
    if (long && at + 16 > end) throw invalid(`a box at byte ${at} is shorter than its fields`)
    const size = long ? Number(data.readBigUInt64BE(at + 8)) : short === 0 ? end - at : short
    const header = long ? 16 : 8
    if (found.length === mostBoxes) throw invalid(`more than ${mostBoxes} boxes lie side by side`)
    if (size < header || at + size > end) throw invalid(`a box at byte ${at} says it has ${size} bytes`)
    found.push({
      type: data.toString('latin1', at + 4, at + 8),
      start: at,
      body: at + header,
      end: at + size,
    })
    at += size
  }
  return found
}

/** The box at the end of a path of types, from the file's top or inside another one. Throws output_invalid. */
export function find(data: Buffer, path: readonly string[], inside?: Box): Box {
  let box: Box = inside ?? { type: 'file', start: 0, body: 0, end: data.length }
  for (const type of path) {
    const next = boxes(data, box.body, box.end).find((candidate) => candidate.type === type)
    if (!next) throw invalid(`${box.type} has no ${type}`)
    box = next
  }
  return box
}

/** Runs a reader of boxes. One that is shorter than its fields throws output_invalid, not a fault of ours. */
export function within<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    // By name: Node's own errors are of no class of a test's.
    const short = (error as Error | undefined)?.name === 'RangeError'
    throw short ? invalid('a box is shorter than its fields') : error
  }
}

function invalid(message: string): WorkerError {
  return new WorkerError('output_invalid', message)
}
