import type { Rendition } from './ladder.ts'
import type { Profile } from './profile.ts'
import { defaultHevc } from './profile-codecs.ts'

/** What x265 is told beside what all encoders are. threads: 0: x265 decides. */
export function hevcFlags(
  { profile, threads }: { profile: Profile; threads: number },
  _: Rendition,
): string[] {
  const { preset } = profile.hevc ?? defaultHevc
  const params = [
    // x265 prints past ffmpeg.
    'log-level=error',
    // Key frames on the grid and nowhere else; with open groups they would be no IDR pictures.
    'scenecut=0',
    'open-gop=0',
    // The encoder's settings as text in the first picture, which nobody reads.
    'info=0',
    ...(threads > 0 ? [`pools=${threads}`] : []),
  ]
  return [
    ...['-c:v', 'libx265', '-preset', preset],
    ...['-profile:v', 'main', '-pix_fmt', 'yuv420p'],
    // Apple 1.10: parameter sets stand in the init segment alone. ffmpeg's own choice, hev1, does not play there.
    ...['-tag:v', 'hvc1'],
    ...['-x265-params', params.join(':')],
  ]
}
