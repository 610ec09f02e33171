/** Text for people: columns, times, sizes. Pure; nothing here knows colours or terminals. */

/** Rows as lines whose columns stand under each other, two spaces apart; the last column is not padded. */
export function alignRows(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length)
  return rows.map((row) =>
    row
      .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

/** The same with a head, whose names are in capitals. Without rows it is nothing. */
export function tableLines(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : alignRows([head.map((name) => name.toUpperCase()), ...rows])
}

/** Names and values under each other; what is undefined or '' is left out. */
export function factLines(facts: Readonly<Record<string, string | number | undefined>>): string[] {
  const rows = Object.entries(facts).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[`${name}:`, String(value)]],
  )
  return alignRows(rows)
}

/** `3d 4h`, `2h 5m`, `1m 40s`, `12s`; `-` when it is not known. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '-'
  const whole = Math.max(0, Math.round(seconds))
  const units = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'm'],
    [1, 's'],
  ] as const
  const first = units.findIndex(([size]) => whole >= size)
  if (first < 0) return '0s'
  const [[size, name], next] = [units[first]!, units[first + 1]]
  const big = `${Math.floor(whole / size)}${name}`
  const rest = next ? Math.floor((whole % size) / next[0]) : 0
  return next && rest > 0 ? `${big} ${rest}${next[1]}` : big
}

/** Lines of at most `width` characters, broken between words. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** Cut to `length` characters, with an ellipsis; without control characters, which would move the cursor. */
export function short(text: string, length: number): string {
  const plain = text.replace(/\p{Cc}+/gu, ' ')
  return plain.length > length ? `${plain.slice(0, length - 1)}…` : plain
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
