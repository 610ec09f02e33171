/** Invented films: a source is a small text that says what the tools find in it, a segment one that says whose it is. */
import { createHash } from 'node:crypto'
import type { Plan } from '../../worker/chunk/ledger.ts'

/** What a source holds. */
export interface Film {
  readonly seconds: number
  /** The probe refuses it: the file's own fault. */
  readonly broken?: boolean
  /** Every encode of it fails, and not by the file's fault. */
  readonly cursed?: boolean
  /** Makes two films of the same length differ. */
  readonly take: number
}

/** What a segment, an init segment or a picture says of itself. */
export interface Piece {
  readonly job: string
  /** The plan that it was made by. */
  readonly plan: string
  readonly track: string
  /** Of an init segment: init. */
  readonly part: number | 'init'
}

export function writeFilm(film: Film): Buffer {
  return Buffer.from(JSON.stringify(film))
}

export function readFilm(bytes: Buffer): Film {
  return JSON.parse(bytes.toString('utf8')) as Film
}

/** Names a plan by what it fixes: the source as it was, the grid, the ladder. */
export function planName({ source, grid, ladder }: Plan): string {
  return createHash('md5')
    .update(JSON.stringify([source.etag, grid, ladder]))
    .digest('hex')
    .slice(0, 8)
}

/** The same encode gives the same bytes: a fleet has one ffmpeg. */
export function writePiece(piece: Piece): Buffer {
  return Buffer.from(
    JSON.stringify(piece).padEnd(160 + (typeof piece.part === 'number' ? piece.part % 7 : 0)),
  )
}

export function readPiece(text: string): Piece {
  return JSON.parse(text) as Piece
}
