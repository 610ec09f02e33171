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
