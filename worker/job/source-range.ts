/** The Range header of one request, against a body of known size (RFC 9110, section 14). Pure. */

/** Inclusive byte positions, as in the header itself and in Storage.getRange. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * A single range that can be served; 'whole' for no header and for what may be ignored (several ranges, other
 * units, bad syntax); 'unsatisfiable' for a range that begins behind the end, which is answered with 416.
 */
export function parseRange(header: string | undefined, bytes: number): ByteRange | 'whole' | 'unsatisfiable' {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return 'whole'
  if (match[1] === '') {
    const length = Math.min(Number(match[2]), bytes)
    return length === 0 ? 'unsatisfiable' : { start: bytes - length, end: bytes - 1 }
  }
  const start = Number(match[1])
  const end = match[2] === '' ? bytes - 1 : Math.min(Number(match[2]), bytes - 1)
  if (match[2] !== '' && Number(match[2]) < start) return 'whole'
  return start >= bytes ? 'unsatisfiable' : { start, end }
}
