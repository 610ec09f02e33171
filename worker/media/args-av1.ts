import type { Profile } from './profile.ts'
import { defaultAv1 } from './profile-codecs.ts'

/** What SVT-AV1 is told beside what all encoders are. threads: 0: it decides. */
export function av1Flags({ profile, threads }: { profile: Profile; threads: number }): string[] {
  const { preset } = profile.av1 ?? defaultAv1
  const params = [
    // Nothing is shown across a key frame, as with the other encoders; and none where a scene changes.
    'irefresh-type=2',
    'scd=0',
    ...(threads > 0 ? [`lp=${threads}`] : []),
  ]
  return [
    ...['-c:v', 'libsvtav1', '-preset', String(preset), '-pix_fmt', 'yuv420p'],
    ...['-svtav1-params', params.join(':')],
  ]
}
