/** A folder of files and what each of them must come to. */

/** `either`: one of the two ends, as the profile decides; in bounded time and memory all the same. */
export type Expectation = 'ok' | 'reject' | 'either'

export interface Want {
  /** `1920x1080`: upright, in square pixels. */
  readonly displaySize?: string
  /** Of the pictures, from their own times. */
  readonly seconds?: number
  readonly audio?: boolean
  /** Pictures that the source decodes to. */
  readonly frames?: number
  /** Flashes that come with their beep. */
  readonly pairs?: number
  /** Pictures a second of the output. */
  readonly rate?: number
  /** How much each picture is like the source's at its time, in dB. */
  readonly alike?: number
}

export interface Entry {
  readonly file: string
  readonly expect: Expectation
  readonly want: Want
  /** The name to claim for the upload, where it matters. */
  readonly uploadName: string
  /** Whether its pictures come at uneven times: then their number is not kept. */
  readonly variableRate: boolean
  /** Made to read or reach what it must not: watched with canaries. */
  readonly evil: boolean
}

/** Reads the text of a manifest.json; throws an Error that names the entry and the field. */
export function parseManifest(text: string): Entry[] {
  const list: unknown = JSON.parse(text)
  if (!Array.isArray(list)) throw new Error('manifest.json is not a list')
  return list.map((raw: unknown, index) => {
    const at = `entry ${index + 1}`
    const { file, expect, want, upload_name, facts, tags } = record(raw, at)
    if (typeof file !== 'string' || file === '' || file.includes('/'))
      throw new Error(`${at}: file is ${JSON.stringify(file)}, but must be a name in the folder`)
    if (expect !== 'ok' && expect !== 'reject' && expect !== 'either')
      throw new Error(`${file}: expect is ${JSON.stringify(expect)}, but must be ok, reject or either`)
    return {
      ...{ file, expect, want: wantOf(record(want ?? {}, `${file}: want`), file) },
      uploadName: typeof upload_name === 'string' ? upload_name : file,
      variableRate: record(facts ?? {}, `${file}: facts`).vfr === true,
      evil: file.startsWith('gen-evil-') || (Array.isArray(tags) && tags.includes('evil')),
    }
  })
}

function wantOf(raw: Record<string, unknown>, file: string): Want {
  const take = <T>(name: string, is: (value: unknown) => value is T): T | undefined => {
    const value = raw[name]
    if (value === undefined || is(value)) return value
    throw new Error(`${file}: want.${name} is ${JSON.stringify(value)}`)
  }
  const number = (value: unknown): value is number => typeof value === 'number' && value >= 0
  const size = (value: unknown): value is string => typeof value === 'string' && /^\d+x\d+$/.test(value)
  const displaySize = take('display_size', size)
  const seconds = take('video_s', number)
  const audio = take('has_audio', (value) => typeof value === 'boolean')
  const frames = take('frames_decoded', number)
  const pairs = take('pairs', number)
  const alike = take('alike_db', number)
  const rate = take('rate', number)
  return {
    ...(displaySize === undefined ? {} : { displaySize }),
    ...(seconds === undefined ? {} : { seconds }),
    ...(audio === undefined ? {} : { audio }),
    ...(frames === undefined ? {} : { frames }),
    ...(pairs === undefined ? {} : { pairs }),
    ...(alike === undefined ? {} : { alike }),
    ...(rate === undefined ? {} : { rate }),
  }
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${what} is not an object`)
  return value as Record<string, unknown>
}
