import { WorkerError } from '../../shared/errors.ts'

/**
 * The bytes of a .env as text, whoever saved them: UTF-8 with or without a byte order mark, UTF-16 of either order as
 * Windows' Notepad and PowerShell's `>` write it, with and without a mark. Bytes that are no UTF-8 (a code page: 1252,
 * 949) are let pass on comment lines only, since which letter of a secret they mean would be a guess. Throws
 * environment_unreadable with the numbers of the lines, never with their text. Pure.
 */
export function decodeEnvironment(bytes: Uint8Array): string {
  const encoding = encodingOf(bytes)
  if (encoding !== 'utf-8') return new TextDecoder(encoding).decode(bytes)
  try {
    // Without its mark, which the decoder takes away.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return withoutForeignComments(bytes)
  }
}

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be'

function encodingOf(bytes: Uint8Array): Encoding {
  const [first, second] = bytes
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  // Names of variables are ASCII: in UTF-16 every other of their bytes is 0, and no .env holds a 0 else.
  const zeros = [0, 0]
  for (const [at, byte] of bytes.entries()) if (byte === 0) zeros[at % 2]! += 1
  if (zeros[0] === zeros[1]) return 'utf-8'
  return zeros[1]! > zeros[0]! ? 'utf-16le' : 'utf-16be'
}

/** Every byte a letter of its own: code pages keep ASCII, line ends included, where it is. */
function withoutForeignComments(bytes: Uint8Array): string {
  const lines = Buffer.from(bytes).toString('latin1').split('\n')
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const foreign: number[] = []
  const read = lines.map((line, index) => {
    if (/^\s*#/.test(line)) return '#'
    try {
      return decoder.decode(Buffer.from(line, 'latin1'))
    } catch {
      foreign.push(index + 1)
      return ''
    }
  })
  if (foreign.length === 0) return read.join('\n')
  const where = foreign.length === 1 ? `line ${foreign[0]}` : `lines ${foreign.slice(0, 10).join(', ')}`
  throw new WorkerError(
    'environment_unreadable',
    `${where}: not UTF-8 (a Windows code page?): save the file as UTF-8`,
    { details: { lines: foreign } },
  )
}
