/**
 * What an uploader wrote between two times, made into WebVTT cue text: text, line ends, and the few tags that WebVTT
 * has (W3C WebVTT 6.4), closed in order. Everything else that looks like markup goes, scripts with what is in them.
 */

/** Longer than any screen: what follows is cut off. */
const mostCharacters = 4000
const mostLines = 40

/** Tags that may stay, with what they may carry. */
const plainTags = new Set(['b', 'i', 'u', 'ruby', 'rt'])
/** The names of classes and languages; voices are names of people. */
const classPattern = /^(\.[\p{L}\p{N}_-]{1,40}){1,8}/u

const entities: Readonly<Record<string, string>> = {
  ...{ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0', lrm: '\u200e', rlm: '\u200f' },
}

/**
 * Pictures drawn by text (ASS): coordinates that nobody wants to read. Each pattern of this file ends where its next
 * match could begin, so that text made to be read again and again takes no longer than any other.
 */
const drawing = { begins: /^m\s+-?[\d.]+\s+-?[\d.]/i, hasOther: /[^\s\d.mnlbspc-]/i }

/** Clean cue text; '' when nothing is left to be read. Lines are joined by \n, none of them empty. */
export function cleanCueText(raw: string): string {
  const text = raw
    .slice(0, mostCharacters)
    .toWellFormed()
    .replace(/\r\n?/g, '\n')
    .replace(/[^\P{Cc}\n\t]|[\ufeff\u2028\u2029]/gu, '')
    .replace(/<(script|style)\b[^<>]*>[\s\S]*?(<\/\1\s*>|$)/gi, '')
  const lines = withTags(withoutOverrides(text))
    .split('\n')
    .filter((line) => line.trim() !== '')
  // What closes nothing goes, and may leave an empty line, which would end the cue.
  const kept = closed(lines.slice(0, mostLines).join('\n'))
    .split('\n')
    .map((line) => line.replace(/[ \t]+/g, ' ').trim())
    .filter((line) => line !== '')
    .join('\n')
  const read = plainText(kept)
  const drawn = drawing.begins.test(read) && !drawing.hasOther.test(read)
  return read === '' || drawn ? '' : kept
}

/** Overrides of ASS that subrip files carry as well: {\an8}, {\i1}. Behind the last bracket none ends. */
function withoutOverrides(text: string): string {
  const end = text.lastIndexOf('}') + 1
  return text.slice(0, end).replace(/\{\\[^}]*\}/g, '') + text.slice(end)
}

/** What a reader sees of cue text. */
export function plainText(text: string): string {
  return withoutEntities(text.replace(/<[^>]*>/g, '')).trim()
}

/** Keeps the tags that may stay, drops what looks like others, escapes the rest. */
function withTags(text: string): string {
  // A name directly after the bracket makes a tag; "a < b" and "<3" are text. [^<>] ends where the next one begins.
  return text
    .split(/(<\/?[A-Za-z][^<>]*>|<\d[\d:.]*>|<!--(?:(?!<!--)[\s\S])*?-->)/)
    .map((piece, index) => (index % 2 === 0 ? withEntities(withoutEntities(piece)) : tagOf(piece)))
    .join('')
}

function tagOf(tag: string): string {
  const [, slash, name = '', rest = ''] = /^<(\/?)([A-Za-z]+)([\s\S]*?)\/?>$/.exec(tag) ?? []
  const lower = name.toLowerCase()
  if (lower === 'br') return '\n'
  const known = plainTags.has(lower) || lower === 'c' || lower === 'v' || lower === 'lang'
  if (!known) return ''
  if (slash) return `</${lower}>`
  const classes = classPattern.exec(rest)?.[0] ?? ''
  if (lower !== 'v' && lower !== 'lang') return `<${lower}${classes}>`
  // "<v Bob-->": the arrow would end the cue.
  const note = withoutEntities(rest.slice(classes.length))
    .replace(/[\s\p{Cc}&<>]+/gu, ' ')
    .slice(0, 80)
    .replace(/^ | ?-* ?$/g, '')
    .toWellFormed()
  if (lower === 'lang' && !/^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$/.test(note)) return ''
  return note === '' ? '' : `<${lower}${classes} ${note}>`
}

/** Closes what was opened, in order; drops what closes nothing. */
function closed(text: string): string {
  const open: string[] = []
  const made = text.replace(/<(\/?)([a-z]+)[^>]*>/g, (tag, slash: string, name: string) => {
    if (slash === '') {
      open.push(name)
      return tag
    }
    const at = open.lastIndexOf(name)
    return at < 0 ? '' : closing(open.splice(at))
  })
  return made + closing(open)
}

function closing(names: readonly string[]): string {
  return names
    .toReversed()
    .map((name) => `</${name}>`)
    .join('')
}

function withoutEntities(text: string): string {
  return text.replace(/&(#x[\da-f]{1,6}|#\d{1,7}|[a-z]{2,5});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return entities[name.toLowerCase()] ?? whole
    const code = name[1]!.toLowerCase() === 'x' ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
    // Control characters and halves of pairs were dropped once already.
    const fits = code >= 0x20 && code <= 0x10ffff && !(code >= 0x7f && code < 0xa0) && !(code >> 11 === 0x1b)
    return fits ? String.fromCodePoint(code) : ''
  })
}

function withEntities(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
