import type { VideoFacts } from './facts.ts'
import type { Rendition } from './ladder.ts'
import type { Profile } from './profile.ts'
import { defaultHevc } from './profile-codecs.ts'

export interface HevcRequest {
  readonly profile: Profile
  /** 0: x265 decides. */
  readonly threads: number
  readonly facts: { readonly video: Pick<VideoFacts, 'hdr10'> }
}

/** What x265 is told beside what all encoders are. */
export function hevcFlags({ profile, threads, facts }: HevcRequest, { range }: Rendition): string[] {
  const { preset } = profile.hevc ?? defaultHevc
  const { masterDisplay, maxCll } = (range === 'pq' && facts.video.hdr10) || {}
  const params = [
    // x265 prints past ffmpeg.
    'log-level=error',
    // Key frames on the grid and nowhere else; with open groups they would be no IDR pictures.
    'scenecut=0',
    'open-gop=0',
    // The encoder's settings as text in the first picture, which nobody reads.
    'info=0',
    ...(threads > 0 ? [`pools=${threads}`] : []),
    // HDR10 is PQ and these; PQ alone where the source does not say them.
    ...(masterDisplay ? [`master-display=${masterDisplay}`] : []),
    ...(maxCll ? [`max-cll=${maxCll}`] : []),
  ]
  return [
    ...['-c:v', 'libx265', '-preset', preset],
    ...(range
      ? ['-profile:v', 'main10', '-pix_fmt', 'yuv420p10le']
      : ['-profile:v', 'main', '-pix_fmt', 'yuv420p']),
    // Apple 1.10: parameter sets stand in the init segment alone. ffmpeg's own choice, hev1, does not play there.
    ...['-tag:v', 'hvc1'],
    ...['-x265-params', params.join(':')],
  ]
}
