import type { ProbeHeader, ProbeStream } from './probe-header.ts'

/** All of a stream's fields that ffprobe writes as numbers; the others are text. */
const numbers = new Set(['index', 'width', 'height', 'channels'])

/**
 * ffprobe's answer with what has the wrong type left out: every later step may believe the types. Undefined when it is
 * no object at all.
 */
export function shapeOf(answer: unknown): ProbeHeader | undefined {
  if (!isObject(answer)) return undefined
  const streams = Array.isArray(answer.streams) ? answer.streams.map(streamOf) : []
  return {
    ...answer,
    format: isObject(answer.format) ? pick(answer.format, isText) : {},
    streams: streams.filter((stream) => stream !== undefined),
  }
}

function streamOf(stream: unknown): ProbeStream | undefined {
  if (!isObject(stream) || !isCount(stream.index)) return undefined
  const plain = pick(stream, (value, key) => (numbers.has(key) ? isCount(value) : isText(value)))
  const { tags, disposition, side_data_list: side } = stream
  return {
    ...(plain as Pick<ProbeStream, 'index'>),
    ...(isObject(tags) ? { tags: pick(tags, isText) as Record<string, string> } : {}),
    ...(isObject(disposition) ? { disposition: pick(disposition, isCount) as Record<string, number> } : {}),
    ...(Array.isArray(side) ? { side_data_list: side.filter(isObject) } : {}),
  }
}

function pick(
  fields: Readonly<Record<string, unknown>>,
  fits: (value: unknown, key: string) => boolean,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([key, value]) => fits(value, key)))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
