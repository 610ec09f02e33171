/** What the encoder benchmark says of its measurements: figures, and the table of docs/encoding.md. Pure. */
import { markdownTable } from '../../shared/markdown.ts'
import type { Figures } from './figures.ts'
import type { Encoded } from './sides.ts'

export interface Settings extends Encoded {
  /** In the ladder's order; the reference has none. */
  crfs: readonly number[] | undefined
}

/** One clip: the reference, ours as shipped, and ours at the crfs that give the reference's SSIM. */
export interface Compared {
  kind: string
  /** Of the renditions. */
  names: readonly string[]
  reference: Settings
  ours: Settings
  equal: Settings
  /** Sound and pictures of ours at exactly the reference's SSIM; undefined when no crf reached it. */
  equalBytes: number | undefined
}

/** CPU and bytes against the reference at equal SSIM, clip by clip, and the lowest SSIM as shipped. */
export function encoderFigures(rows: readonly Compared[]): Figures {
  const figures: Figures = {}
  for (const row of rows) {
    const cpu = row.equal.cpuSeconds / row.reference.cpuSeconds
    const bytes = (row.equalBytes ?? Number.NaN) / totalBytes(row.reference)
    const top = row.ours.renditions[0]!.ssim
    figures[`encoder_cpu_${row.kind}`] = atMost(cpu, 'of the reference’s CPU at its SSIM', 0.5)
    // No figure is no success.
    figures[`encoder_bytes_${row.kind}`] = atMost(bytes, 'of the reference’s bytes at its SSIM', 0.78)
    const aim = row.reference.renditions[0]!.ssim >= 0.95 ? 0.95 : row.reference.renditions[0]!.ssim
    figures[`encoder_ssim_${row.kind}`] = {
      ...{ value: round(top, 4), unit: 'SSIM of the top rendition as shipped' },
      ...{ aim: `at least ${round(aim, 4)}`, met: top >= aim },
    }
  }
  return figures
}

export function encoderTable(rows: readonly Compared[], where: string): string {
  const head = ['Clip', 'Settings', 'CPU s', 'of ref.', 'kB', 'of ref.', 'SSIM, top and low']
  const cells = rows.flatMap((row) => [
    line(row, `**${row.kind}**`, 'reference', row.reference, undefined),
    line(row, '', `shipped, ${crfs(row.ours)}`, row.ours, totalBytes(row.ours)),
    line(row, '', `equal SSIM, ${crfs(row.equal)}`, row.equal, row.equalBytes),
  ])
  return `Measured by \`npm run bench encoder -- --docs\` with ${where}.\n\n${markdownTable(head, cells)}`
}

/** The page with the table between its markers replaced. */
export function putTable(page: string, table: string): string {
  const marked = /(<!-- encoder -->\n)[\s\S]*?(<!-- \/encoder -->)/
  if (!marked.test(page)) throw new Error('the page has no <!-- encoder --> and <!-- /encoder -->')
  return page.replace(marked, (_, start: string, end: string) => `${start}\n${table}\n\n${end}`)
}

function line(
  row: Compared,
  clip: string,
  name: string,
  side: Settings,
  bytes: number | undefined,
): string[] {
  const { reference } = row
  const isReference = side === reference
  const share = (value: number | undefined, of: number) =>
    isReference ? '' : value === undefined ? 'not reached' : (value / of).toFixed(2)
  return [
    clip,
    name,
    side.cpuSeconds.toFixed(1),
    share(side.cpuSeconds, reference.cpuSeconds),
    String(Math.round((bytes ?? totalBytes(side)) / 1000)),
    share(bytes, totalBytes(reference)),
    side.renditions.map(({ ssim }) => ssim.toFixed(4)).join(', '),
  ]
}

function crfs({ crfs: values }: Settings): string {
  return `crf ${values?.join(' and ')}`
}

function totalBytes({ renditions, soundBytes }: Encoded): number {
  return renditions.reduce((total, { bytes }) => total + bytes, soundBytes)
}

function atMost(value: number, unit: string, limit: number): Figures[string] {
  return { value: round(value, 3), unit, aim: `at most ${limit}`, met: value <= limit }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
