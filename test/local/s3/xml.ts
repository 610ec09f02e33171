/** The little XML that S3 needs: a writer for its answers and a reader for its two request bodies. */

export type XmlValue = string | number | boolean | undefined | XmlTree | readonly XmlTree[]
export interface XmlTree {
  readonly [name: string]: XmlValue
}

/** A document with one root element; arrays repeat their element, `undefined` leaves it out. */
export function xml(root: string, tree: XmlTree): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element(root, tree)}`
}

function element(name: string, value: XmlValue): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.map((item: XmlTree) => element(name, item)).join('')
  if (typeof value === 'object') {
    const inner = Object.entries(value).map(([child, content]) => element(child, content))
    return `<${name}>${inner.join('')}</${name}>`
  }
  return `<${name}>${escapeXml(String(value))}</${name}>`
}

/** Line feeds and tabs as references, since a reader would otherwise normalise them in keys. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"'\r\n\t]/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** The inner text of each `<name>` element, in order; nested elements stay as text for a second call. */
export function elements(text: string, name: string): string[] {
  const expression = new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}>|<${name}\\s*/>`, 'g')
  return [...text.matchAll(expression)].map((match) => match[1] ?? '')
}

/** The text of the first `<name>`, entities resolved. */
export function textOf(text: string, name: string): string | undefined {
  const [first] = elements(text, name)
  return first === undefined ? undefined : unescapeXml(first)
}

const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescapeXml(text: string): string {
  return text.replace(/&(#x[0-9a-f]+|#[0-9]+|[a-z]+);/gi, (whole, entity: string) => {
    if (entity.startsWith('#x')) return String.fromCodePoint(Number.parseInt(entity.slice(2), 16))
    if (entity.startsWith('#')) return String.fromCodePoint(Number.parseInt(entity.slice(1), 10))
    return named[entity] ?? whole
  })
}
