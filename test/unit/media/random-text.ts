/** Pieces of which broken subtitles are made; what comes out is decided by the seed. */
const pieces = [
  ...[
    '\n',
    '\n\n',
    '\r\n',
    '\r',
    ' ',
    '\t',
    '\u0000',
    '\u0085',
    '\ufeff',
    '\ud83d',
    '😀',
    'é',
    '한',
    'a',
    'word',
  ],
  ...[
    '<',
    '>',
    '</',
    '<b>',
    '</b>',
    '<i>',
    '</i>',
    '<v Bob>',
    '</v>',
    '<c.x>',
    '</c>',
    '<script>',
    '</script>',
  ],
  ...[
    '<lang en',
    '<ruby>',
    '<rt>',
    '<br>',
    '<!--',
    '-->',
    '->',
    '&',
    '&amp;',
    '&lt;',
    '&#x3c;',
    '&#60;',
    '&#',
  ],
  ...['{\\an8}', '{\\', '}', '1', '42', '00:00:01,000', '00:01.500', '99:59:59.999', '1:2:3:4:5', ':', ','],
  ...[
    '00:00:01,000 --> 00:00:02,000',
    '00:00:03.000 --> 00:00:01.000',
    '00:01.000-->00:02.000 line:0',
    '-1:0',
  ],
  ...['WEBVTT', 'NOTE x', 'STYLE', 'REGION', 'X-TIMESTAMP-MAP=LOCAL:0,MPEGTS:9', 'm 0 0 l 1 1', '%', '"'],
]

/** Up to `length` pieces, always the same for a seed. */
export function randomText(seed: number, length: number): string {
  const next = randomNumbers(seed)
  return Array.from({ length: next(length) }, () => pieces[next(pieces.length)]).join('')
}

/** Whole numbers from 0 to below the limit (Lehmer's generator). */
export function randomNumbers(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state * 48_271) % 2_147_483_647
    return state % limit
  }
}
