/** A plot of lines as SVG, on a card of its own: it reads alike on light and dark pages. Axes are logarithmic unless said. */

export interface Series {
  readonly name: string
  readonly color: string
  /** Above 0 where the axis is logarithmic. */
  readonly points: readonly (readonly [number, number])[]
  /** A line to compare with, thin and broken. */
  readonly dashed?: boolean
}

export interface Plot {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly xTicks: readonly number[]
  readonly yTicks: readonly number[]
  /** Axes that are linear. */
  readonly linear?: 'x' | 'both'
  /** Drawn in this order; named in a legend from top to bottom. */
  readonly series: readonly Series[]
}

export const width = 720
export const height = 460
/** Of the axes within the card. */
const frame = { left: 64, right: 696, top: 52, bottom: 404 }
const ink = { card: '#0d1117', grid: '#30363d', text: '#c9d1d9', faint: '#8b949e' }
const font = 'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13"'

export function drawPlot({ title, xLabel, yLabel, xTicks, yTicks, series, linear }: Plot): string {
  const x = scale(xTicks, frame.left, frame.right, linear !== undefined)
  const y = scale(yTicks, frame.bottom, frame.top, linear === 'both')
  const line = (x1: number, y1: number, x2: number, y2: number) =>
    `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${ink.grid}"/>`
  const text = (at: readonly [number, number], words: string, extra: string) =>
    `<text x="${at[0]}" y="${at[1]}" ${extra}>${escaped(words)}</text>`
  const faint = `fill="${ink.faint}"`
  const middleY = (frame.top + frame.bottom) / 2

  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">`,
    `<rect width="${width}" height="${height}" rx="10" fill="${ink.card}"/>`,
    `<g ${font}>`,
    text([frame.left, 30], title, `fill="${ink.text}" font-weight="600"`),
    ...xTicks.flatMap((tick) => [
      line(x(tick), frame.top, x(tick), frame.bottom),
      text([x(tick), frame.bottom + 20], String(tick), `${faint} text-anchor="middle"`),
    ]),
    ...yTicks.flatMap((tick) => [
      line(frame.left, y(tick), frame.right, y(tick)),
      text([frame.left - 8, y(tick) + 4], String(tick), `${faint} text-anchor="end"`),
    ]),
    text([(frame.left + frame.right) / 2, height - 14], xLabel, `${faint} text-anchor="middle"`),
    text([18, middleY], yLabel, `${faint} text-anchor="middle" transform="rotate(-90 18 ${middleY})"`),
    ...series.map(({ color, points, dashed }) => {
      const path = points.map((point) => `${x(point[0])},${y(point[1])}`).join(' ')
      const style = dashed ? 'stroke-width="1" stroke-dasharray="5 4"' : 'stroke-width="2"'
      return `<polyline points="${path}" fill="none" stroke="${color}" ${style}/>`
    }),
    ...series.flatMap(({ name, color }, row) => {
      const at = frame.top + 22 + 20 * row
      return [
        `<rect x="${frame.left + 14}" y="${at - 6}" width="18" height="3" fill="${color}"/>`,
        text([frame.left + 40, at], name, `fill="${ink.text}"`),
      ]
    }),
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

/** From the first tick to the last; pixels to a tenth. */
function scale(
  ticks: readonly number[],
  from: number,
  to: number,
  isLinear: boolean,
): (value: number) => number {
  const at = isLinear ? (value: number) => value : Math.log
  const [first, last] = [at(ticks[0]!), at(ticks.at(-1)!)]
  return (value) => Math.round(10 * (from + ((at(value) - first) / (last - first)) * (to - from))) / 10
}

function escaped(words: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return words.replace(/[&<>"]/g, (sign) => names[sign]!)
}
