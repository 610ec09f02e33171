import { describe, expect, test } from '@jest/globals'
import { decodeEnvironment } from '../../../deploy/environment/decode.ts'

const text = 'R2_BUCKET=videos\r\nDB_PASSWORD=pässwörd\r\n'
const utf16be = (from: string) => Buffer.from(from, 'utf16le').swap16()

describe('a file', () => {
  test.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${text}`)],
    ['UTF-16LE with a mark, as PowerShell’s > writes it', Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['UTF-16LE without one', Buffer.from(text, 'utf16le')],
    ['UTF-16BE with a mark', utf16be(`\uFEFF${text}`)],
    ['UTF-16BE without one', utf16be(text)],
  ])('in %s is read', (_, bytes) => expect(decodeEnvironment(bytes)).toBe(text))

  test('of a code page passes with its letters in comments only', () => {
    const cp949 = Buffer.from([0x23, 0xb5, 0xa5, 0x0a, ...Buffer.from('A=b\n')])
    expect(decodeEnvironment(cp949)).toBe('#\nA=b\n')
  })

  test('of a code page is refused where a value has its letters, by the line and without the value', () => {
    const cp1252 = Buffer.concat([Buffer.from('A=b\nDB_PASSWORD=geheim-'), Buffer.from([0xe4, 0x0a])])
    expect(() => decodeEnvironment(cp1252)).toThrow(/^line 2: not UTF-8/)
    expect(() => decodeEnvironment(cp1252)).not.toThrow(/geheim/)
  })
})
