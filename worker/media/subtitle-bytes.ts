/** What subtitle files were written in before UTF-8, by the language that their name says. */
const legacy: Readonly<Record<string, string>> = {
  ...{ ko: 'euc-kr', ja: 'shift_jis', zh: 'gb18030' },
  ...{ ru: 'windows-1251', uk: 'windows-1251', bg: 'windows-1251', sr: 'windows-1251' },
  ...{ pl: 'windows-1250', cs: 'windows-1250', sk: 'windows-1250', hu: 'windows-1250', hr: 'windows-1250' },
  ...{ el: 'windows-1253', tr: 'windows-1254', he: 'windows-1255', ar: 'windows-1256', vi: 'windows-1258' },
}

/**
 * A subtitle file as text, whatever it was saved in: by its byte order mark; UTF-16 without one by its zero bytes;
 * UTF-8 when it is; else what is usual for the language, and windows-1252, which reads anything.
 */
export function decodeSubtitles(bytes: Uint8Array, language = 'und'): string {
  const usual = legacy[language.split('-')[0]!]
  const order = [utf16Of(bytes), 'utf-8', usual, 'windows-1252']
  for (const encoding of order) {
    const text = encoding && decode(bytes, encoding)
    if (text !== undefined) return text
  }
  return ''
}

function decode(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    // Drops the byte order mark.
    return new TextDecoder(encoding, { fatal: encoding !== 'windows-1252' }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Western text in UTF-16 is every other byte zero. */
function utf16Of(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  const head = bytes.subarray(0, 512)
  const zeros = [0, 0]
  head.forEach((byte, index) => {
    if (byte === 0) zeros[index % 2]! += 1
  })
  const [even = 0, odd = 0] = zeros
  if (Math.max(even, odd) < head.length / 8) return undefined
  return odd > even ? 'utf-16le' : 'utf-16be'
}
