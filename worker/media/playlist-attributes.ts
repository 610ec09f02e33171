/** An attribute list (RFC 8216 4.2), in the order of its keys. */
export function attributes(values: Record<string, string | number>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}`)
    .join(',')
}

/** A quoted string must hold neither quotes nor line ends (RFC 8216 4.2); track titles come from the upload. */
export function quoted(text: string): string {
  return `"${text.replace(/[\p{Cc}"]/gu, ' ').trim()}"`
}

/** Name of the one group of subtitles. */
export const subtitleGroup = 'subtitles'

/** A playlist of these lines. */
export function lines(...parts: string[]): string {
  return `${parts.join('\n')}\n`
}

/**
 * The key of all segments behind it, and of no init segment, which is named before it (RFC 8216 4.3.2.4). Without an IV:
 * that is each segment's media sequence number (seal.ts).
 */
export function keyLines(uri: string | undefined): string[] {
  return uri === undefined ? [] : [`#EXT-X-KEY:${attributes({ METHOD: 'AES-128', URI: quoted(uri) })}`]
}
