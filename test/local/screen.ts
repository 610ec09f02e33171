/**
 * What `npm run local` shows while it works: on a terminal one line a video that is redrawn in place, elsewhere
 * (a file, a pipe, CI) a plain line whenever a video enters a stage or gains ten percent.
 */

export interface Row {
  name: string
  /** What happens now, for a person. */
  stage: string
  /** Of the whole job, 0 to 100; undefined while it waits. */
  percent: number | undefined
  /** Seconds of video a second, while encoding. */
  speed: number | undefined
  secondsLeft: number | undefined
  ended: 'done' | 'failed' | undefined
}

/** The part of a terminal or file stream that is written to. */
export interface Output {
  write(text: string): unknown
  isTTY?: boolean | undefined
  columns?: number | undefined
}

export interface Screen {
  /** A line that stays. */
  say(line: string): void
  /** The state of every video. Cheap to call often. */
  show(rows: Row[]): void
  /** Leaves the last state of the rows on the screen; what is said from now on is written below, rows no more. */
  finish(): void
}

export function openScreen(output: Output): Screen {
  return output.isTTY ? terminalScreen(output) : plainScreen(output)
}

const barWidth = 24

function terminalScreen(output: Output): Screen {
  let drawn: string[] = []
  let finished = false
  const erase = () => (drawn.length > 0 ? `\x1b[${drawn.length}A\x1b[J` : '')
  const redraw = (lines: string[], above = '') => {
    output.write(`${erase()}${above}${lines.map((line) => `${line}\n`).join('')}`)
    drawn = lines
  }
  return {
    say: (line) => redraw(drawn, `${line}\n`),
    show(rows) {
      if (finished) return
      const width = nameWidth(rows)
      // A line that wraps could not be erased again. A terminal of unknown width says 0.
      const lines = rows.map((row) => cutTo(drawRow(row, width), (output.columns || 80) - 1))
      if (lines.join('\n') !== drawn.join('\n')) redraw(lines)
    },
    finish() {
      drawn = []
      finished = true
    },
  }
}

function plainScreen(output: Output): Screen {
  const told = new Map<string, string>()
  return {
    say: (line) => output.write(`${line}\n`),
    show(rows) {
      for (const row of rows) {
        const news = `${row.stage} ${Math.floor((row.percent ?? 0) / 10)}`
        if (told.get(row.name) === news) continue
        told.set(row.name, news)
        output.write(`  ${[row.name, ...facts(row)].join('  ')}\n`)
      }
    },
    finish() {},
  }
}

/** `  lecture.mp4  ██████░░░░  54 %  Transcoding  3.2x  0:12 left` */
export function drawRow(row: Row, width: number): string {
  const filled = Math.round((barWidth * (row.percent ?? 0)) / 100)
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled)
  return `  ${cutTo(row.name, width).padEnd(width)}  ${bar}  ${facts(row).join('  ')}`
}

function facts(row: Row): string[] {
  const percent = row.percent === undefined ? [] : [`${String(Math.floor(row.percent)).padStart(3)} %`]
  if (row.ended !== undefined) return [...percent, row.stage]
  const speed = row.speed === undefined ? [] : [`${row.speed.toFixed(1)}x`]
  const left = row.secondsLeft === undefined ? [] : [`${clock(row.secondsLeft)} left`]
  return [...percent, row.stage.padEnd(12), ...speed, ...left]
}

function nameWidth(rows: Row[]): number {
  return Math.min(28, Math.max(...rows.map((row) => row.name.length)))
}

function cutTo(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`
}

/** Seconds as 1:05, or 1:02:05 from an hour on. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const pad = (value: number) => String(value).padStart(2, '0')
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor((whole % 3600) / 60)
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`
}

/** Bytes as 4.2 MB; decimal units, as disks and networks are sold. */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  return `${(bytes / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`
}
