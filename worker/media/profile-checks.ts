/** One rung of the ladder as a profile file states it. */
export interface ProfileRung {
  /** Short side in pixels; the rung is called `{shortSide}p`. */
  readonly shortSide: number
  /** Constant rate factor of the rung's encoder: lower is better and larger. */
  readonly crf: number
  /** Cap on the bit rate in kbit/s at up to 30 pictures a second (ladder.ts raises it for more). */
  readonly maxrateKbps: number
}

/** What is wrong with a list of rungs, a line each. worst: the highest crf that the encoder knows. */
export function checkRungs(name: string, rungs: unknown, worst = 51): string[] {
  if (!Array.isArray(rungs) || rungs.length === 0) return [`${name}: must be a list of at least one rung`]
  const rungRanges = { shortSide: [64, 4320], crf: [0, worst], maxrateKbps: [50, 200_000] } as const
  const problems: string[] = []
  let above = Number.POSITIVE_INFINITY
  rungs.forEach((rung: unknown, index) => {
    const at = `${name}[${index}]`
    if (!isObject(rung)) {
      problems.push(`${at}: must be an object`)
      return
    }
    for (const [key, range] of Object.entries(rungRanges))
      problems.push(...checkNumber(`${at}.${key}`, rung[key], range))
    for (const key of Object.keys(rung)) if (!(key in rungRanges)) problems.push(`${at}.${key}: unknown`)
    if (!(Number(rung.shortSide) < above)) problems.push(`${at}.shortSide: largest first, none twice`)
    above = Number(rung.shortSide)
  })
  return problems
}

export function checkNumber(
  at: string,
  value: unknown,
  range: readonly [number, number] | undefined,
): string[] {
  if (!range) return [`${at}: unknown`]
  if (typeof value === 'number' && value >= range[0] && value <= range[1]) return []
  return [`${at}: must be a number from ${range[0]} to ${range[1]}, not ${JSON.stringify(value)}`]
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
