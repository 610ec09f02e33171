import type { FleetTimes } from '../bench/simulate.ts'

/** A video as it comes: when its message is sent, and how long it is. Seconds. */
export interface Upload {
  readonly sent: number
  readonly seconds: number
}

/** What became of it. */
export interface Video extends Upload {
  /** A worker first had it; undefined while it waits. */
  started: number | undefined
  ready: number | undefined
  /** Parts that are not done yet. */
  open: number
  /** Ready so long after its sending on a fleet that is awake and wide enough. */
  readonly ideal: number
}

/** A message in the queue. */
export interface Unit {
  readonly video: Video
  readonly kind: 'whole' | 'plan' | 'audio' | 'chunk' | 'join'
  /** Of work that is left. */
  left: number
  /** Work between two checkpoints: what is lost at most when a worker goes. */
  readonly step: number
  /** Whether it stands in the backlog's counter: a join does not. */
  readonly counted: boolean
  /** Somebody had it and gave it back. */
  readonly again?: true
}

export interface WorkSettings {
  /** Measured on one core: docs/fleet-speed.md. */
  readonly times: FleetTimes
  /** Of an instance. Pictures are encoded on all of them, sound on one. */
  readonly cores: number
  readonly chunkSeconds: number
  /** A video of more chunks is shared: FANOUT_MIN_CHUNKS. */
  readonly fanoutMinChunks: number
}

export function videoOf(upload: Upload, settings: WorkSettings): Video {
  return { ...upload, started: undefined, ready: undefined, open: 0, ideal: idealSeconds(upload, settings) }
}

/** The message that the API sends for a video. */
export function firstUnit(video: Video, settings: WorkSettings): Unit {
  const { times } = settings
  if (isShared(video, settings)) {
    const left = times.plan + times.planPerPart * Math.max(0, chunksOf(video, settings) + 1 - times.parts)
    return { video, kind: 'plan', left, step: left, counted: true }
  }
  const left = wholeSeconds(video, settings)
  return { video, kind: 'whole', left, step: left / chunksOf(video, settings), counted: true }
}

/** The parts that a plan sends: the sound in front, as the product does. */
export function partsOf(video: Video, settings: WorkSettings): Unit[] {
  const { times, cores, chunkSeconds } = settings
  const part = (kind: 'audio' | 'chunk', seconds: number): Unit => {
    const left = times.part + seconds
    return { video, kind, left, step: left, counted: true }
  }
  const chunks = Array.from({ length: chunksOf(video, settings) }, (_, index) => {
    const seconds = Math.min(chunkSeconds, video.seconds - index * chunkSeconds)
    return part('chunk', (times.chunkRate / cores) * seconds)
  })
  return [part('audio', times.audioRate * video.seconds), ...chunks]
}

export function joinOf(video: Video, settings: WorkSettings): Unit {
  const { times } = settings
  const left = times.join + times.joinPerPart * Math.max(0, chunksOf(video, settings) + 1 - times.parts)
  return { video, kind: 'join', left, step: left, counted: false }
}

function chunksOf({ seconds }: Upload, { chunkSeconds }: WorkSettings): number {
  return Math.max(1, Math.ceil(seconds / chunkSeconds))
}

function isShared(upload: Upload, settings: WorkSettings): boolean {
  return chunksOf(upload, settings) > settings.fanoutMinChunks
}

function wholeSeconds({ seconds }: Upload, { times, cores }: WorkSettings): number {
  return times.plan + times.part + (times.chunkRate / cores + times.audioRate) * seconds + times.join
}

function idealSeconds(upload: Upload, settings: WorkSettings): number {
  if (!isShared(upload, settings)) return wholeSeconds(upload, settings)
  const video = { ...upload, started: undefined, ready: undefined, open: 0, ideal: 0 }
  const longest = Math.max(...partsOf(video, settings).map(({ left }) => left))
  return firstUnit(video, settings).left + longest + joinOf(video, settings).left
}
