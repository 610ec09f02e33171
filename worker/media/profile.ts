import { WorkerError } from '../../shared/errors.ts'
import { checkNumber, checkRungs, isObject, type ProfileRung } from './profile-checks.ts'
import { type Av1Wish, checkCodecs, codecsOf, type HevcWish } from './profile-codecs.ts'

/** How videos are encoded. Loaded from PROFILES_FILE, or the built-in `default`. */
export interface Profile {
  readonly name: string
  /** Largest first. */
  readonly rungs: readonly ProfileRung[]
  /** x264 preset. */
  readonly preset: string
  /** x264's own options on top of the preset, `name=value` with colons between; '' for none. */
  readonly x264Params: string
  readonly maxFps: number
  /** Rungs of at most `lowRungShortSide` get half the pictures of sources above this rate (Apple 1.19). */
  readonly lowRungMaxFps: number
  readonly lowRungShortSide: number
  readonly audioKbps: number
  /** Whether 5.1 is kept beside the stereo downmix: a rendition more a track that has it. A plan of before has none. */
  readonly surround?: 'off' | 'keep'
  /** What every track is brought to, in LUFS (EBU R128); off, or not there: as loud as it is. */
  readonly loudness?: 'off' | number
  readonly storyboardSeconds: number
  /** Instead of PASSTHROUGH, for videos of this profile. */
  readonly passthrough?: 'auto' | 'never'
  /** Instead of SEGMENT_STORAGE. */
  readonly segmentStorage?: 'files' | 'byterange'
  /** Where the poster comes from, unless that is black or flat; the middle of a shorter video. None: candidates. */
  readonly posterSeconds?: number
  /** Widths that the poster is also stored in, as JPEG and WebP; those above its own are left out. */
  readonly posterSizes?: readonly number[]
  /** Length of a silent preview clip; 0 or none: there is no clip. */
  readonly previewSeconds?: number
  /** Renditions in HEVC beside those of H.264; none: there are none. */
  readonly hevc?: HevcWish
  /** Likewise in AV1. */
  readonly av1?: Av1Wish
  /** Whether segments are encrypted, with a key that the API gives. None: `none`. */
  readonly encryption?: 'none' | 'aes-128'
  /** How the output is laid out (docs/output.md); `academy`: MPEG-TS with sound in it. None: `fmp4`. */
  readonly layout?: 'fmp4' | 'academy'
}

/**
 * Measured on three clips (animation 720p, camera 480p, screen recording 768p; ffmpeg 5.1, 2 cores): veryfast at
 * crf 22 gives SSIM 0.985, 0.968, 0.996 for 60 % of the CPU of `faster` and 45 % of `medium`, in fewer bytes
 * than either. The caps keep 1080p near Apple's table (A 1.25) and bind on busy pictures only.
 */
export const defaultProfile: Profile = {
  name: 'default',
  rungs: [
    { shortSide: 1080, crf: 25, maxrateKbps: 6000 },
    { shortSide: 720, crf: 25, maxrateKbps: 3500 },
    { shortSide: 480, crf: 25, maxrateKbps: 1800 },
    { shortSide: 360, crf: 25, maxrateKbps: 900 },
  ],
  preset: 'veryfast',
  x264Params:
    'aq-mode=2:aq-strength=1.2:rc-lookahead=20:me=dia:subme=4:partitions=i8x8,p8x8:deadzone-inter=12:deadzone-intra=6',
  maxFps: 60,
  lowRungMaxFps: 30,
  lowRungShortSide: 480,
  audioKbps: 128,
  storyboardSeconds: 10,
}

/** What the Python fleet wrote, for players and rules of a CDN that expect it. */
export const academyProfile: Profile = {
  ...defaultProfile,
  name: 'academy',
  rungs: defaultProfile.rungs.filter(({ shortSide }) => shortSide === 720 || shortSide === 360),
  layout: 'academy',
}

/** Every word of a profile with those that it may be. */
const choices: Readonly<Record<string, readonly string[]>> = {
  preset: 'ultrafast superfast veryfast faster fast medium slow slower veryslow'.split(' '),
  passthrough: ['auto', 'never'],
  segmentStorage: ['files', 'byterange'],
  layout: ['fmp4', 'academy'],
  surround: ['off', 'keep'],
  encryption: ['none', 'aes-128'],
}
/** Those that say how x264 searches and spends; what the grid, the cap and the players rest on is ours to set. */
const x264Options = new Set(
  `aq-mode aq-strength b-adapt b-bias bframes chroma-qp-offset cqm crf-max deadzone-inter deadzone-intra deblock
  direct fast-pskip ipratio lookahead-threads mbtree me merange mixed-refs no-chroma-me no-dct-decimate nr
  partitions pbratio psy psy-rd qcomp rc-lookahead ref subme sync-lookahead trellis weightb weightp`.split(
    /\s+/,
  ),
)
/** Every number of a profile with the range that makes sense. */
const ranges: Readonly<Record<string, readonly [number, number]>> = {
  maxFps: [1, 60],
  lowRungMaxFps: [1, 60],
  lowRungShortSide: [0, 4320],
  audioKbps: [32, 320],
  storyboardSeconds: [1, 600],
  posterSeconds: [0, 43_200],
  previewSeconds: [0, 60],
  loudness: [-31, -8],
}

/**
 * Reads a profile file: a JSON object of name to profile, where what a profile leaves out is as in `default`.
 * The result always has `default` and `academy`. Throws config_invalid with a line for every problem.
 */
export function loadProfiles(json: string): ReadonlyMap<string, Profile> {
  const problems: string[] = []
  const profiles = new Map<string, Profile>([
    ['default', defaultProfile],
    ['academy', academyProfile],
  ])
  for (const [name, value] of Object.entries(parse(json))) {
    if (!/^[A-Za-z0-9_-]{1,40}$/.test(name)) problems.push(`${name}: a name is letters, digits, - and _`)
    if (!isObject(value)) {
      problems.push(`${name}: must be an object`)
      continue
    }
    problems.push(...check(name, value))
    // The default's options were chosen for its preset: they would undo what another one stands for.
    const x264Params = 'preset' in value ? '' : defaultProfile.x264Params
    profiles.set(name, { ...defaultProfile, x264Params, ...value, ...codecsOf(value), name } as Profile)
  }
  if (problems.length > 0) throw new WorkerError('config_invalid', `PROFILES_FILE:\n${problems.join('\n')}`)
  return profiles
}

function parse(json: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw new WorkerError('config_invalid', 'PROFILES_FILE: not JSON', { cause })
  }
  if (!isObject(value))
    throw new WorkerError('config_invalid', 'PROFILES_FILE: must be an object of profiles')
  return value
}

function check(name: string, profile: Record<string, unknown>): string[] {
  const problems: string[] = [...checkCodecs(name, profile), ...checkTogether(name, profile)]
  for (const [key, value] of Object.entries(profile)) {
    const words = choices[key]
    if (words) {
      if (!words.includes(String(value))) problems.push(`${name}.${key}: one of ${words.join(', ')}`)
    } else if (key === 'loudness' && value === 'off') {
      // The one number that may be a word.
    } else if (key === 'hevc' || key === 'av1') {
      // checkCodecs has seen them.
    } else if (key === 'x264Params') {
      problems.push(...checkX264(name, value))
    } else if (key === 'posterSizes') {
      if (!isWidths(value)) problems.push(`${name}.posterSizes: up to 8 whole widths from 16 to 1280`)
    } else if (key === 'rungs') {
      problems.push(...checkRungs(`${name}.rungs`, value))
    } else {
      problems.push(...checkNumber(`${name}.${key}`, value, ranges[key]))
    }
  }
  return problems
}

/** What each is fine alone. */
function checkTogether(name: string, { encryption, segmentStorage, layout }: Record<string, unknown>) {
  if (encryption !== 'aes-128') return []
  return [
    // Each range would be encrypted by itself, which not all players expect.
    ...(segmentStorage === 'byterange'
      ? [`${name}.encryption: segments that are ranges stay as they are`]
      : []),
    // For players that are older than it.
    ...(layout === 'academy' ? [`${name}.encryption: segments of the layout academy stay as they are`] : []),
  ]
}

function isWidths(value: unknown): boolean {
  const fits = (width: unknown) => Number.isInteger(width) && Number(width) >= 16 && Number(width) <= 1280
  return Array.isArray(value) && value.length <= 8 && value.every(fits)
}

function checkX264(name: string, params: unknown): string[] {
  const at = `${name}.x264Params`
  if (typeof params !== 'string') return [`${at}: must be text, such as "aq-mode=2:subme=4"`]
  const options = params === '' ? [] : params.split(':')
  return options.flatMap((option) => {
    const [, key, value] = /^([a-z0-9-]+)=([a-z0-9.,+-]+)$/i.exec(option) ?? []
    if (value === undefined) return [`${at}: ${JSON.stringify(option)} is not name=value`]
    return x264Options.has(key!) ? [] : [`${at}: ${key} is not for a profile to set`]
  })
}
