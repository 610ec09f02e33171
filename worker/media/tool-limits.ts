/** How much of the machine each kind of run may take; all of it is set by every run of a job. */
import type { VideoFacts } from './facts.ts'
import type { ToolLimits } from './run.ts'

export interface LimitSettings {
  /** 0 = no limit. */
  readonly memoryLimitMb: number
  readonly nice: number
  /** CPU seconds that one second of 1080p at 30 pictures a second may take; 0 = no limit on CPU time. */
  readonly cpuFactor: number
}

/** What a run has before its first picture, and for what does not grow with the video. */
const baseCpuSeconds = 300
const fullHd = 1920 * 1080 * 30
/** A segment of 6 s at over a gigabit a second, or a sheet of pictures: nothing that a job keeps is larger. */
const segmentBytes = 2 ** 30
const pictureBytes = 64 * 2 ** 20
/** Sound is decoded and encoded many times faster than it plays. */
const audioShare = 0.05
/** A paused encoder and a busy machine stretch the clock, not the CPU time. */
const wallFactor = 4
const leastWallSeconds = 3600

/** ffprobe writes no file. Four threads decode for as long as it may take. */
export function probeLimits(settings: Omit<LimitSettings, 'cpuFactor'>, timeoutSeconds: number): ToolLimits {
  return { ...common(settings), cpuSeconds: 4 * timeoutSeconds, fileBytes: 0 }
}

/** For one picture; wall time is the stage's. */
export function posterLimits(settings: LimitSettings, stageSeconds: number): ToolLimits {
  return { ...common(settings), cpuSeconds: 4 * stageSeconds, fileBytes: pictureBytes }
}

/** For `seconds` of a video with these pictures. */
export function videoLimits(settings: LimitSettings, video: VideoFacts, seconds: number): ToolLimits {
  const pixels = (video.codedWidth * video.codedHeight * video.rate.num) / video.rate.den
  return encodeLimits(settings, seconds * Math.max(1, pixels / fullHd))
}

export function audioLimits(settings: LimitSettings, seconds: number): ToolLimits {
  return encodeLimits(settings, seconds * audioShare)
}

/** Wall time of a run under these limits, in milliseconds; undefined = no limit. */
export function wallMs({ cpuSeconds }: ToolLimits): number | undefined {
  return cpuSeconds === undefined ? undefined : Math.max(leastWallSeconds, wallFactor * cpuSeconds) * 1000
}

function encodeLimits(settings: LimitSettings, fullHdSeconds: number): ToolLimits {
  const limits = { ...common(settings), fileBytes: segmentBytes }
  if (settings.cpuFactor === 0) return limits
  return { ...limits, cpuSeconds: Math.ceil(baseCpuSeconds + settings.cpuFactor * fullHdSeconds) }
}

function common({ memoryLimitMb, nice }: Pick<LimitSettings, 'memoryLimitMb' | 'nice'>) {
  return { memoryMb: memoryLimitMb, nice }
}
