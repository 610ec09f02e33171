import { checkNumber, checkRungs, isObject, type ProfileRung } from './profile-checks.ts'

/** Renditions in HEVC beside those of H.264, which always remain. */
export interface HevcWish {
  /** Largest first. */
  readonly rungs: readonly ProfileRung[]
  /** x265 preset. */
  readonly preset: string
  /** What becomes of an HDR source: SDR as in H.264, or HDR10 or HLG in 10 bits. */
  readonly hdr: 'tonemap' | 'keep'
}

/** Renditions in AV1, likewise. */
export interface Av1Wish {
  /** Largest first; crf goes up to 63. */
  readonly rungs: readonly ProfileRung[]
  /** SVT-AV1's, from 2, slow, to 13. */
  readonly preset: number
}

/** What a profile may leave out. */
export const defaultHevc: HevcWish = {
  // All sizes that H.264 has: players change size within a codec, not from one to the other.
  rungs: [
    { shortSide: 1080, crf: 26, maxrateKbps: 4000 },
    { shortSide: 720, crf: 26, maxrateKbps: 2300 },
    { shortSide: 480, crf: 26, maxrateKbps: 1200 },
    { shortSide: 360, crf: 26, maxrateKbps: 600 },
  ],
  preset: 'fast',
  hdr: 'tonemap',
}

export const defaultAv1: Av1Wish = {
  rungs: [
    { shortSide: 1080, crf: 38, maxrateKbps: 3200 },
    { shortSide: 720, crf: 38, maxrateKbps: 1900 },
    { shortSide: 480, crf: 38, maxrateKbps: 1000 },
    { shortSide: 360, crf: 38, maxrateKbps: 500 },
  ],
  preset: 8,
}

const presets = 'ultrafast superfast veryfast faster fast medium slow slower veryslow'.split(' ')

/** The wishes of a profile of which checkCodecs says nothing bad, gaps filled. */
export function codecsOf({ hevc, av1 }: Record<string, unknown>): { hevc?: HevcWish; av1?: Av1Wish } {
  return {
    ...(isObject(hevc) ? { hevc: { ...defaultHevc, ...hevc } } : {}),
    ...(isObject(av1) ? { av1: { ...defaultAv1, ...av1 } } : {}),
  }
}

/** What is wrong with the other codecs that a profile asks for, a line each. */
export function checkCodecs(name: string, profile: Record<string, unknown>): string[] {
  const wishes = [
    ['hevc', 51, checkHevcPreset],
    ['av1', 63, (at: string, preset: unknown) => checkNumber(at, preset, [2, 13])],
  ] as const
  return wishes.flatMap(([codec, worst, checkPreset]) => {
    const at = `${name}.${codec}`
    const wish = profile[codec]
    if (wish === undefined) return []
    if (!isObject(wish)) return [`${at}: must be an object`]
    const problems = profile.layout === 'academy' ? [`${at}: the layout academy has H.264 alone`] : []
    for (const [key, value] of Object.entries(wish)) {
      if (key === 'rungs') problems.push(...checkRungs(`${at}.rungs`, value, worst))
      else if (key === 'hdr' && codec === 'hevc') problems.push(...checkHdr(`${at}.hdr`, value))
      else if (key === 'preset') problems.push(...checkPreset(`${at}.preset`, value))
      else problems.push(`${at}.${key}: unknown`)
    }
    return problems
  })
}

function checkHevcPreset(at: string, preset: unknown): string[] {
  return presets.includes(String(preset)) ? [] : [`${at}: one of ${presets.join(', ')}`]
}

function checkHdr(at: string, hdr: unknown): string[] {
  return hdr === 'tonemap' || hdr === 'keep' ? [] : [`${at}: one of tonemap, keep`]
}
