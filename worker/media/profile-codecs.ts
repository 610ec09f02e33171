import { checkRungs, isObject, type ProfileRung } from './profile-checks.ts'

/** Renditions in HEVC beside those of H.264, which always remain. */
export interface HevcWish {
  /** Largest first. */
  readonly rungs: readonly ProfileRung[]
  /** x265 preset. */
  readonly preset: string
}

/** What a profile may leave out. */
export const defaultHevc: HevcWish = {
  // All sizes that H.264 has: players change size within a codec, not from one to the other.
  rungs: [
    { shortSide: 1080, crf: 27, maxrateKbps: 4000 },
    { shortSide: 720, crf: 27, maxrateKbps: 2300 },
    { shortSide: 480, crf: 27, maxrateKbps: 1200 },
    { shortSide: 360, crf: 27, maxrateKbps: 600 },
  ],
  preset: 'fast',
}

const presets = 'ultrafast superfast veryfast faster fast medium slow slower veryslow'.split(' ')

/** The wishes of a profile of which checkCodecs says nothing bad, gaps filled. */
export function codecsOf(profile: Record<string, unknown>): { hevc?: HevcWish } {
  return isObject(profile.hevc) ? { hevc: { ...defaultHevc, ...profile.hevc } } : {}
}

/** What is wrong with the other codecs that a profile asks for, a line each. */
export function checkCodecs(name: string, profile: Record<string, unknown>): string[] {
  const problems: string[] = []
  const { hevc } = profile
  if (hevc === undefined) return problems
  if (!isObject(hevc)) return [`${name}.hevc: must be an object`]
  if (profile.layout === 'academy') problems.push(`${name}.hevc: the layout academy has H.264 alone`)
  for (const [key, value] of Object.entries(hevc)) {
    if (key === 'rungs') problems.push(...checkRungs(`${name}.hevc.rungs`, value))
    else if (key !== 'preset') problems.push(`${name}.hevc.${key}: unknown`)
    else if (!presets.includes(String(value)))
      problems.push(`${name}.hevc.preset: one of ${presets.join(', ')}`)
  }
  return problems
}
