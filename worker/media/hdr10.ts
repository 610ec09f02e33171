import type { Hdr10Facts } from './facts.ts'
import type { ProbeStream } from './probe-header.ts'

type SideData = NonNullable<ProbeStream['side_data_list']>

const masterNames = 'green_x green_y blue_x blue_y red_x red_y white_point_x white_point_y'.split(' ')

/** What ffprobe lists beside a stream or a picture; undefined when nothing of it is static metadata of HDR10. */
export function readHdr10(list: SideData = []): Hdr10Facts | undefined {
  const named = (type: string) => list.find((data) => data.side_data_type === type) ?? {}
  const master = masterDisplayOf(named('Mastering display metadata'))
  const light = named('Content light level metadata')
  const levels = [light.max_content, light.max_average].map((value) => inUnits(String(value), 1, 65_535))
  const maxCll = levels.every((level) => level !== undefined) ? levels.join(',') : undefined
  if (master === undefined && maxCll === undefined) return undefined
  return {
    ...(master === undefined ? {} : { masterDisplay: master }),
    ...(maxCll === undefined ? {} : { maxCll }),
  }
}

/** The static metadata of a picture in ffprobe's JSON of its first ones. */
export function readFrameHdr10(json: string): Hdr10Facts | undefined {
  try {
    const { frames } = JSON.parse(json) as { frames?: { side_data_list?: unknown }[] }
    for (const { side_data_list: list } of frames ?? []) {
      const found = Array.isArray(list) ? readHdr10(list.filter(isData)) : undefined
      if (found) return found
    }
  } catch {
    // Not JSON, or of another shape: the pictures say nothing.
  }
  return undefined
}

function isData(value: unknown): value is SideData[number] {
  return typeof value === 'object' && value !== null
}

/** Undefined unless all of it is there and can be written: numbers come from the upload. */
function masterDisplayOf(data: Readonly<Record<string, unknown>>): string | undefined {
  const places = masterNames.map((name) => inUnits(String(data[name]), 50_000, 50_000))
  const [brightest, darkest] = ['max_luminance', 'min_luminance'].map((name) =>
    inUnits(String(data[name]), 10_000, 2 ** 32 - 1),
  )
  if (brightest === undefined || darkest === undefined || places.includes(undefined)) return undefined
  const [gx, gy, bx, by, rx, ry, wx, wy] = places
  return `G(${gx},${gy})B(${bx},${by})R(${rx},${ry})WP(${wx},${wy})L(${brightest},${darkest})`
}

/** A number or fraction in whole units; undefined when it is none, or too large for its field. */
function inUnits(text: string, perOne: number, most: number): number | undefined {
  const [, num, den = '1'] = /^(\d{1,12})(?:\/(\d{1,12}))?$/.exec(text) ?? []
  if (num === undefined || Number(den) === 0) return undefined
  const units = Math.round((Number(num) * perOne) / Number(den))
  return units <= most ? units : undefined
}
