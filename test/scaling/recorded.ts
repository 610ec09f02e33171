import type { Load } from './run.ts'

/**
 * A load from what was recorded: a JSON list of `{"sent": ISO 8601 or seconds, "seconds": length of the video}`, whose
 * first upload comes after ten minutes. Throws with the number of the entry that is wrong.
 */
export function readLoad(name: string, text: string): Load {
  const entries: unknown = JSON.parse(text)
  if (!Array.isArray(entries) || entries.length === 0) throw new Error(`${name} is no list of uploads`)
  const read = entries.map((entry: { sent?: unknown; seconds?: unknown } | null, index) => {
    const { sent, seconds } = entry ?? {}
    const at = typeof sent === 'string' ? Date.parse(sent) / 1000 : Number(sent)
    if (!Number.isFinite(at) || typeof seconds !== 'number' || !(seconds > 0))
      throw new Error(`${name}: entry ${index + 1} has no time or no length`)
    return { sent: at, seconds }
  })
  const first = Math.min(...read.map(({ sent }) => sent))
  const uploads = read
    .map(({ sent, seconds }) => ({ sent: sent - first + 600, seconds }))
    .toSorted((a, b) => a.sent - b.sent)
  return { name, story: 'recorded', uploads, seconds: uploads.at(-1)!.sent + 3600 }
}
