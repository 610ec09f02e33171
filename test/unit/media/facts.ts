import type { AudioFacts, SourceFacts, VideoFacts } from '../../../worker/media/facts.ts'

/** Facts of a plain 1080p25 MP4 with stereo sound; tests change what they are about. */
export function factsOf(
  video: Partial<VideoFacts> = {},
  rest: Partial<Omit<SourceFacts, 'video'>> = {},
): SourceFacts {
  return {
    demuxer: 'mov',
    seconds: 60,
    seek: { mode: 'index', marginSeconds: 1 },
    jumps: undefined,
    audio: [soundOf()],
    subtitles: [],
    bitrateKbps: 5000,
    warnings: [],
    ...rest,
    video: {
      index: 0,
      codec: 'h264',
      profile: 'High',
      pixelFormat: 'yuv420p',
      codedWidth: video.displayWidth ?? 1920,
      codedHeight: video.displayHeight ?? 1080,
      displayWidth: 1920,
      displayHeight: 1080,
      rotation: 0,
      transformed: false,
      sampleAspect: { num: 1, den: 1 },
      rate: { num: 25, den: 1 },
      variableRate: false,
      interlaced: 'no',
      dynamicRange: 'sdr',
      colour: { space: 'bt709', primaries: 'bt709', transfer: 'bt709', range: 'tv' },
      origin: { ticks: 0, timeBase: { num: 1, den: 12_800 }, seconds: 0 },
      ...video,
    },
  }
}

export function soundOf(changes: Partial<AudioFacts> = {}): AudioFacts {
  return {
    index: 1,
    codec: 'aac',
    language: 'en',
    title: '',
    channels: 2,
    layout: 'stereo',
    sampleRate: 48_000,
    startOffset: 0,
    isDefault: true,
    ...changes,
  }
}
