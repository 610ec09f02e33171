/** One report of ffmpeg's `-progress`. */
export interface ProgressUpdate {
  /** Frames of the first video output so far. */
  readonly frame: number
  /** Media seconds written so far in this run; 0 while ffmpeg says N/A. */
  readonly seconds: number
  /** Media seconds per second of wall time, 0 while unknown. */
  readonly speed: number
  readonly done: boolean
}

/**
 * Takes `-progress pipe:1` output in pieces of any size and calls back once per complete report.
 * ffmpeg closes each report with `progress=continue` or `progress=end`, and prints N/A before the first frame.
 */
export function progressReader(onUpdate: (update: ProgressUpdate) => void): (piece: string) => void {
  let rest = ''
  let fields: Record<string, string> = {}

  return (piece) => {
    const lines = (rest + piece).split('\n')
    // Never more than a line: a tool that prints no line ends must not fill memory.
    rest = (lines.pop() ?? '').slice(-4096)
    for (const line of lines) {
      const at = line.indexOf('=')
      if (at < 0) continue
      const name = line.slice(0, at).trim()
      const value = line.slice(at + 1).trim()
      if (name !== 'progress') {
        fields[name] = value
        continue
      }
      onUpdate({
        frame: count(fields.frame),
        seconds: count(fields.out_time_us) / 1e6,
        speed: count(fields.speed?.replace(/x$/, '')),
        done: value === 'end',
      })
      fields = {}
    }
  }
}

function count(text: string | undefined): number {
  const value = Number(text)
  return Number.isFinite(value) && value > 0 ? value : 0
}
